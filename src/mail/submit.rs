//! Submission to the relay, by lettre.
