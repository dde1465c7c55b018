//! What the commands say of themselves.

use super::penpal;

#[test]
fn every_command_explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = penpal(folder.path(), &["--help"]);
    assert_eq!(outcome.code, Some(0));
    let commands: Vec<&str> = outcome
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // Descriptions may go on in further lines, which are indented deeper.
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(!commands.is_empty());
    for command in commands {
        let help = penpal(folder.path(), &[command, "--help"]);
        assert_eq!(help.code, Some(0), "{command}");
        assert!(
            help.out.contains("Example"),
            "{command} has no example:\n{}",
            help.out
        );
        assert!(help.out.contains(&format!("penpal {command}")), "{command}");
        wrapped_by_the_terminal_alone(command, &help.out);
    }
    assert_eq!(penpal(folder.path(), &["no-such-command"]).code, Some(2));
}

/// Without a terminal the lines have 100 columns; what ends a line of prose before that ends a sentence or begins a list.
fn wrapped_by_the_terminal_alone(command: &str, help: &str) {
    let (_, text) = help.rsplit_once("Print help").unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
    for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
        let first = next.split(' ').next().unwrap_or_default();
        let is_full = line.len() + 1 + first.len() > 100;
        assert!(
            !is_prose(line) || !is_prose(next) || is_full || line.ends_with(['.', ':']),
            "{command}: {line:?} is broken before {next:?}"
        );
    }
}
