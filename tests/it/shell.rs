//! The shell, typed into on a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;

use crate::query::project;
use crate::support::{Project, steady};

const PROMPT: &str = "cinelake> ";

/// A shell on a terminal of its own.
struct Terminal {
    shell: Child,
    screen: File,
    /// What was read and not yet told.
    unread: String,
}

impl Terminal {
    /// A shell on a terminal of the kind `term`; `dumb` echoes nothing.
    fn open(project: &Project, term: &str, state: &Path, args: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let mut modes = tcgetattr(&pty.slave).unwrap();
        modes.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &modes).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = project.command(args);
        command.env("TERM", term).env("XDG_STATE_HOME", state);
        // Colours are for people; some environments force them.
        command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
        let shell = command.stdin(end()).stdout(end()).stderr(end());
        Self {
            shell: shell.spawn().unwrap(),
            screen: File::from(pty.master),
            unread: String::new(),
        }
    }

    /// What is shown until `text` is, with it.
    fn until(&mut self, text: &str) -> String {
        let mut looked = 0;
        loop {
            if let Some(at) = self.unread[looked..].find(text) {
                let rest = self.unread.split_off(looked + at + text.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            let seen = self.unread.len().saturating_sub(text.len());
            looked = self.unread.floor_char_boundary(seen);
            let mut ends = [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut ends, 60_000_u16).unwrap();
            assert!(ready > 0, "`{text}` does not come:\n{}", self.unread);
            let mut bytes = [0; 4096];
            // A terminal whose other end is gone fails.
            let read = self.screen.read(&mut bytes).unwrap_or(0);
            assert!(read > 0, "`{text}` never came:\n{}", self.unread);
            self.unread
                .push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    fn send(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Types lines, each once the shell asks for one; what it answered.
    fn type_lines(&mut self, lines: &[&str]) -> String {
        let mut shown = self.until(PROMPT);
        for line in lines {
            self.send(&format!("{line}\n"));
            shown.push_str(line);
            shown.push('\n');
            shown.push_str(&self.until(PROMPT));
        }
        steady(&shown.replace('\r', ""))
    }

    /// Leaves; the shell ends well.
    fn leave(mut self) {
        self.send("\\q\n");
        let mut rest = Vec::new();
        // Fails at the end, as the other end of the terminal goes.
        let _ = self.screen.read_to_end(&mut rest);
        let status = self.shell.wait().unwrap();
        assert!(
            status.success(),
            "{status}: {}",
            String::from_utf8_lossy(&rest)
        );
    }
}

/// What a shell shows while `lines` are typed.
fn shown(project: &Project, lines: &[&str]) -> String {
    let state = project.path("state");
    let mut terminal = Terminal::open(project, "dumb", &state, &["sql"]);
    let shown = terminal.type_lines(lines);
    terminal.leave();
    let version = format!("cinelake {}, ", env!("CARGO_PKG_VERSION"));
    let (banner, rest) = shown.split_once("; ").unwrap();
    assert!(
        banner.starts_with(&format!("{version}snapshot 1 of 2")),
        "{banner}"
    );
    rest.to_owned()
}

#[test]
fn statements_are_answered_one_by_one() {
    let lines = [
        "select user_id, spent from gold.users order by 1;",
        "select count(*) as users -- all; of them\nfrom gold.users; select 'a;b' as text;",
        "select usr_id from gold.users;",
        "select 1 as one; selec 2; select 3;",
        "drop table gold.users;",
        "",
    ];
    insta::assert_snapshot!(shown(&project(), &lines), @r"
    `\help` lists what begins with a backslash, `\q` leaves
    cinelake> select user_id, spent from gold.users order by 1;
    ┌─────────┬───────┐
    │ user_id ┆ spent │
    ╞═════════╪═══════╡
    │       1 ┆  9.99 │
    │       2 ┆     ∅ │
    │       3 ┆  0.50 │
    └─────────┴───────┘
    3 rows in [time] s
    cinelake> select count(*) as users -- all; of them
    from gold.users; select 'a;b' as text;
    ┌───────┐
    │ users │
    ╞═══════╡
    │     3 │
    └───────┘
    1 row in [time] s
    ┌──────┐
    │ text │
    ╞══════╡
    │ a;b  │
    └──────┘
    1 row in [time] s
    cinelake> select usr_id from gold.users;
    error: no column `usr_id`
    hint: did you mean `user_id`?
    cinelake> select 1 as one; selec 2; select 3;
    ┌─────┐
    │ one │
    ╞═════╡
    │   1 │
    └─────┘
    1 row in [time] s
    error: syntax error: expected an SQL statement, found: selec
    cinelake> drop table gold.users;
    error: `drop table` would define something; statements here only read
    hint: tables are made by files in `queries/` and `cinelake refresh`; `--output FILE` keeps a result
    cinelake> 
    cinelake>
    ");
}

#[test]
fn settings_hold_until_they_are_changed() {
    let project = project();
    let lines = [
        "\\format ndjson",
        "select user_id from gold.users order by 1;",
        "\\format",
        "\\rows 2",
        "select user_id from gold.users order by 1;",
        "\\rows all",
        "select user_id from gold.users order by 1;",
        "\\param least=9",
        "select user_id from gold.users where spent > $least;",
        "\\param least=",
        "select user_id from gold.users where spent > $least;",
        "\\output answer.csv",
        "select user_id from gold.users order by 1;",
        "select 2 as shown;",
        "\\at 1",
        "\\at 7",
        "\\at",
    ];
    insta::assert_snapshot!(shown(&project, &lines), @r#"
    `\help` lists what begins with a backslash, `\q` leaves
    cinelake> \format ndjson
    cinelake> select user_id from gold.users order by 1;
    {"user_id":1}
    {"user_id":2}
    {"user_id":3}

    3 rows in [time] s
    cinelake> \format
    cinelake> \rows 2
    cinelake> select user_id from gold.users order by 1;
    ┌─────────┐
    │ user_id │
    ╞═════════╡
    │       1 │
    │       2 │
    └─────────┘
    the first 2 rows in [time] s
    there are more: `\rows all` shows them, `\output FILE` keeps them
    cinelake> \rows all
    cinelake> select user_id from gold.users order by 1;
    ┌─────────┐
    │ user_id │
    ╞═════════╡
    │       1 │
    │       2 │
    │       3 │
    └─────────┘
    3 rows in [time] s
    cinelake> \param least=9
    cinelake> select user_id from gold.users where spent > $least;
    ┌─────────┐
    │ user_id │
    ╞═════════╡
    │       1 │
    └─────────┘
    1 row in [time] s
    cinelake> \param least=
    cinelake> select user_id from gold.users where spent > $least;
    error: parameter `least` has no value
    hint: give it: `\param least=…`
    cinelake> \output answer.csv
    cinelake> select user_id from gold.users order by 1;
    3 rows in [time] s
    written to answer.csv
    cinelake> select 2 as shown;
    ┌───────┐
    │ shown │
    ╞═══════╡
    │     2 │
    └───────┘
    1 row in [time] s
    cinelake> \at 1
    cinelake> \at 7
    error: there is no snapshot 7
    hint: `cinelake snapshots` lists them
    cinelake> \at
    cinelake>
    "#);
    let written = std::fs::read_to_string(project.path("answer.csv")).unwrap();
    assert_eq!(written, "user_id\n1\n2\n3\n");
}

#[test]
fn commands_are_words_of_the_shell() {
    let lines = [
        "\\d",
        "\\d gold.users",
        "\\sql rich --param least=5",
        "\\ls reports -f csv",
        "\\sql",
        "\\describe gold.usr",
        "\\frmat csv",
        "\\rows some",
        "\\output lake/x.csv",
    ];
    insta::assert_snapshot!(shown(&project(), &lines), @r#"
    `\help` lists what begins with a backslash, `\q` leaves
    cinelake> \d
    ┌───────────────────┬──────┬───────┬───────┬────────────┬────────────────────────────────────────────────────────┐
    │ table             ┆ rows ┆ files ┆ bytes ┆ changed_in ┆ description                                            │
    ╞═══════════════════╪══════╪═══════╪═══════╪════════════╪════════════════════════════════════════════════════════╡
    │ bronze._rejects   ┆    0 ┆     0 ┆     0 ┆          1 ┆ Rows that did not fit their contract, with the reason. │
    │ bronze.users      ┆    3 ┆     1 ┆  1661 ┆          1 ┆ Users.                                                 │
    │ gold.users        ┆    3 ┆     1 ┆  1054 ┆          1 ┆ Users with what they spent.                            │
    │ system.deliveries ┆    1 ┆     1 ┆  4327 ┆          1 ┆ Every file version that was landed.                    │
    └───────────────────┴──────┴───────┴───────┴────────────┴────────────────────────────────────────────────────────┘
    cinelake> \d gold.users
    gold.users
    Users with what they spent.

    3 rows in 1 file, 1,054 bytes, Delta version 0, changed in snapshot 1
    order by: user_id
    file: queries/gold/users.sql
    grain: user_id
    owner: finance
    reads: bronze.users

    Nobody is left out.
    ┌─────────┬──────────────┬──────────────────┬─────────────┐
    │ column  ┆ type         ┆ storage          ┆ description │
    ╞═════════╪══════════════╪══════════════════╪═════════════╡
    │ user_id ┆ bigint       ┆ dictionary, 37 % ┆ the number  │
    │ country ┆ text         ┆ dictionary, 32 % ┆ where from  │
    │ spent   ┆ decimal(8,2) ┆ dictionary, 30 % ┆ money       │
    └─────────┴──────────────┴──────────────────┴─────────────┘
    cinelake> \sql rich --param least=5
    ┌─────────┬───────┐
    │ user_id ┆ spent │
    ╞═════════╪═══════╡
    │       1 ┆  9.99 │
    └─────────┴───────┘
    1 row in [time] s
    cinelake> \ls reports -f csv
    report,answers,parameters
    rich,Who spent the most?,"least = 1, country = null"
    cinelake> \sql
    error: this is the shell already
    hint: name a report or a file: `\sql NAME`
    cinelake> \describe gold.usr
    error: no table `gold.usr`
    hint: did you mean `gold.users`?
    cinelake> \frmat csv
    error: unrecognized subcommand 'frmat'

      tip: a similar subcommand exists: 'format'

    Usage: \ <COMMAND>

    For more information, try 'help'.
    cinelake> \rows some
    error: invalid value 'some' for '<ROWS>': `some` is neither a number of rows nor `all`
    cinelake> \output lake/x.csv
    error: lake/x.csv: results do not go into the lake
    hint: only a refresh writes there; make a table with a file in `queries/gold/`
    cinelake>
    "#);
}

#[test]
fn what_is_published_meanwhile_is_read_and_said() {
    let project = project();
    let state = project.path("state");
    let mut terminal = Terminal::open(&project, "dumb", &state, &["-q", "sql", "-f", "csv"]);
    let count = "select count(*) as users from gold.users;";
    assert!(terminal.type_lines(&[count]).contains("\n3\n"));
    project.deliver("users2.csv", "user_id,country,spent\n4,US,1\n");
    project.ok(&["refresh"]);
    terminal.send(&format!("{count}\n"));
    assert!(terminal.until(PROMPT).contains("4\r\n"));
    terminal.leave();

    let mut terminal = Terminal::open(&project, "dumb", &state, &["sql", "--at", "1"]);
    let shown = terminal.type_lines(&[count, "\\at", "\\refresh", count]);
    let (fixed, newest) = shown.split_once("reading snapshot 2").unwrap();
    assert!(fixed.contains("│     3 │"), "{shown}");
    assert!(newest.contains("│     4 │"), "{shown}");
    terminal.leave();
}

#[test]
fn an_interrupt_ends_the_query_and_not_the_shell() {
    let project = project();
    let state = project.path("state");
    let mut terminal = Terminal::open(&project, "dumb", &state, &["sql", "-f", "csv"]);
    terminal.until(PROMPT);
    terminal.send("select value from generate_series(1, 1000000000000);\n");
    terminal.until("\n100\r\n");
    let shell = Pid::from_raw(i32::try_from(terminal.shell.id()).unwrap());
    kill(shell, Signal::SIGINT).unwrap();
    terminal.until("error: interrupted");
    assert!(
        terminal
            .type_lines(&["select 41 + 1 as n;"])
            .contains("\n42\n")
    );
    terminal.leave();
}

#[test]
fn tab_completes_and_the_history_stays() {
    let project = project();
    let state = project.path("state");
    let mut terminal = Terminal::open(&project, "xterm", &state, &["sql"]);
    terminal.until(PROMPT);
    terminal.send("\\format nd\t\r");
    terminal.until(PROMPT);
    terminal.send("select * from gold.us\t where countr\t is null;\r");
    terminal.until(r#"{"user_id":3,"country":null,"spent":0.5"#);
    terminal.until(PROMPT);
    // Ctrl-C drops what is typed.
    terminal.send("select nothing\x03");
    terminal.until(PROMPT);
    terminal.send(" select 'secret' as kept;\r");
    terminal.until(r#"{"kept":"secret"}"#);
    terminal.until(PROMPT);
    terminal.leave();

    let mut terminal = Terminal::open(&project, "xterm", &state, &["sql"]);
    terminal.until(PROMPT);
    terminal.send("\x1b[A\x1b[A\r");
    terminal.until("0.50");
    terminal.until(PROMPT);
    terminal.leave();
    let history = std::fs::read_to_string(state.join("cinelake/history")).unwrap();
    assert!(!history.contains("secret"), "{history}");
}

#[test]
fn without_a_terminal_the_query_is_read_from_stdin() {
    let project = project();
    let mut command = project.command(&["-q", "sql", "-f", "csv"]);
    let mut ran = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    ran.stdin
        .take()
        .unwrap()
        .write_all(b"select 1 as one")
        .unwrap();
    let ran = project.ran(ran.wait_with_output().unwrap());
    assert_eq!(ran.stdout, "one\n1\n");
}
