//! Names and types as they are written on the command line.

use sotto_proof::{Name, Question, RecordType};

use crate::failure::Failure;

/// The question for `name`, absolute or not, and `rtype`: a mnemonic, `TYPEnnn`, or `MIMI`.
pub(crate) fn question(
    name: &str,
    rtype: &str,
    mimi_type: RecordType,
) -> Result<Question, Failure> {
    let name: Name = name.parse().map_err(|error| {
        Failure::usage(
            "name_invalid",
            format!("the name {name:?} is refused: {error}"),
            "write it as in _mimi.example.com, internationalised labels as A-labels (xn--)",
        )
    })?;
    let rtype = if rtype.eq_ignore_ascii_case("MIMI") {
        mimi_type
    } else {
        rtype.parse().map_err(|error| {
            Failure::usage(
                "type_invalid",
                error,
                "give a mnemonic such as TXT, TYPE and a number, or MIMI",
            )
        })?
    };
    Ok(Question { name, rtype })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_three_spellings() {
        let rtype =
            |text| question("example.com", text, RecordType(65_400)).map(|question| question.rtype);
        assert_eq!(rtype("txt"), Ok(RecordType::TXT));
        assert_eq!(rtype("TYPE16"), Ok(RecordType::TXT));
        assert_eq!(rtype("Mimi"), Ok(RecordType(65_400)));
        assert_eq!(rtype("TYPE99999").unwrap_err().code, "type_invalid");
    }

    #[test]
    fn names_are_absolute_or_not() {
        let name = |text| question(text, "TXT", RecordType(65_400)).map(|question| question.name);
        assert_eq!(name("example.com"), name("Example.com."));
        assert_eq!(name("a..b").unwrap_err().code, "name_invalid");
        assert_eq!(name("").unwrap_err().code, "name_invalid");
    }
}
