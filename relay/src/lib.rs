//! An Oblivious HTTP relay that cannot know more than it should.
