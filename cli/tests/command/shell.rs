//! Completions and the manual: they follow from the flags, and the shell takes them.

use std::process::Command;

use crate::home::Home;

/// What bash offers for a line that ends in the word to complete.
fn offered(words: &[&str]) -> Vec<String> {
    let home = Home::new();
    let script = home.run(&["completions", "bash"]);
    assert_eq!((script.code, script.errors.as_str()), (0, ""));
    let path = home.write("sotto.bash", &script.out);
    let (last, quoted) = (words.last().expect("a word"), words.join(" "));
    let previous = words[words.len() - 2];
    let line = format!(
        "source {}; COMP_WORDS=({quoted}); COMP_CWORD={}; _sotto sotto '{last}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        path.display(),
        words.len() - 1,
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &line])
        .current_dir(home.path())
        .output()
        .expect("bash");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(offered(&["sotto", "lo"]), ["lookup"]);
    assert!(offered(&["sotto", "lookup", "--cont"]).contains(&"--contacts".to_owned()));
    assert_eq!(offered(&["sotto", "record", "che"]), ["check"]);
    let formats = offered(&["sotto", "lookup", "--format", "v"]);
    assert_eq!(formats, ["vcard"]);
}

#[test]
fn every_shell_has_its_script() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = home.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        for word in ["lookup", "verify", "record", "publish", "max-age"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
        let json = home.run(&["completions", shell, "--json"]).json();
        assert_eq!(
            (&json["shell"], &json["script"]),
            (&shell.into(), &run.out.into())
        );
    }
    assert_eq!(home.run(&["completions", "cmd"]).code, 2);
}

#[test]
fn every_command_has_its_page() {
    let home = Home::new();
    let run = home.run(&["man", "--directory", "pages"]);
    assert_eq!(
        (run.code, run.out.as_str(), run.errors.as_str()),
        (0, "", "")
    );
    for (page, flag) in [
        ("sotto.1", "json"),
        ("sotto-lookup.1", "contacts"),
        ("sotto-query.1", "relay"),
        ("sotto-verify.1", "anchor"),
        ("sotto-record.1", "check"),
        ("sotto-record-publish.1", "tsig"),
        ("sotto-completions.1", "zsh"),
        ("sotto-man.1", "directory"),
    ] {
        let path = home.path().join("pages").join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(
            text.contains(".TH ") && text.contains(flag),
            "{page}: {text}"
        );
    }
}

#[test]
fn a_page_is_printed_by_the_words_of_its_command() {
    let home = Home::new();
    let run = home.run(&["man", "record", "new"]);
    assert_eq!(run.code, 0);
    assert!(
        run.out.contains("sotto-record-new") && run.out.contains("\\-\\-service"),
        "{}",
        run.out
    );
    let json = home.run(&["man", "lookup", "--json"]).json();
    assert_eq!(json["pages"][0]["file"], "sotto-lookup.1");
    let wrong = home.run(&["man", "record", "knew"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.errors.contains("\"knew\"") && wrong.errors.contains("publish"),
        "{}",
        wrong.errors
    );
}

/// The formatter that shows manuals takes every page without a word.
#[test]
fn pages_are_sound() {
    let home = Home::new();
    assert_eq!(home.run(&["man", "--directory", "pages"]).code, 0);
    let pages = std::fs::read_dir(home.path().join("pages")).expect("pages");
    let pages: Vec<_> = pages.map(|page| page.expect("a page").path()).collect();
    assert!(pages.len() >= 12, "{pages:?}");
    for page in pages {
        let output = Command::new("groff")
            .args(["-man", "-ww", "-z", "-Kutf8", "-Tutf8"])
            .arg(&page)
            .output()
            .expect("groff, of the Debian package groff-base");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {said}",
            page.display()
        );
    }
}

#[test]
fn the_command_is_installed_with_all_that_belongs_to_it() {
    let home = Home::new();
    let install = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/install-sotto");
    let output = Command::new(install)
        .arg(env!("CARGO_BIN_EXE_sotto"))
        .env("DESTDIR", home.path())
        .env("PREFIX", "/usr")
        .output()
        .expect("the script runs");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    for file in [
        "bin/sotto",
        "share/man/man1/sotto.1",
        "share/man/man1/sotto-lookup.1",
        "share/bash-completion/completions/sotto",
        "share/zsh/site-functions/_sotto",
        "share/fish/vendor_completions.d/sotto.fish",
    ] {
        let size = std::fs::metadata(home.path().join("usr").join(file)).map(|file| file.len());
        assert!(size.is_ok_and(|size| size > 0), "{file}");
    }
    let nothing = Command::new(install).output().expect("the script runs");
    assert_eq!(nothing.status.code(), Some(2));
}
