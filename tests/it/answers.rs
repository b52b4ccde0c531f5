//! Questions with their right answers, or with the words that refuse them: one
//! file a kind of fault in `answers/`, each block a question, a line `----`, and
//! the rows as CSV, or `refused: ` and words of the message.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Project, Ran};

/// A project with a table of a few payments.
fn project() -> Project {
    let project = Project::of(&[
        (
            "bronze/payments.toml",
            "description = \"Payments.\"\nfiles = \"payments*\"\n[columns]\nid = { type = \"bigint\", required = true }\n\
             user_id = \"bigint\"\namount = \"decimal(12,2)\"\nday = \"date\"\nrate = \"double\"\nat = \"timestamp\"\nplan = \"text\"\n",
        ),
        (
            "silver/payments.sql",
            "-- Payments.\nselect id, user_id, amount, day, rate, at, plan from bronze.payments",
        ),
    ]);
    project.deliver(
        "payments.csv",
        "id,user_id,amount,day,rate,at,plan\n\
         1,1,9.99,2024-01-01,-0.4,2024-01-01 10:00:00,basic\n\
         2,1,9.49,2024-01-31,0.4,2024-01-31 23:30:00,basic\n\
         3,2,10.00,2024-02-29,0.9,2024-03-01 00:00:00,pro\n\
         4,2,14.50,2024-12-31,,2024-12-31 12:00:00,\n\
         5,3,,,1.5,,pro\n",
    );
    project.ok(&["refresh"]);
    project
}

struct Case {
    place: String,
    sql: String,
    expected: String,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/answers");
    let mut cases = Vec::new();
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let mut line = 1;
        for block in fs::read_to_string(&file).unwrap().split("\n\n") {
            let place = format!("{name}:{line}");
            line += block.matches('\n').count() + 2;
            let block: Vec<&str> = block
                .lines()
                .filter(|line| !line.starts_with('#'))
                .collect();
            let block = block.join("\n");
            let Some((sql, expected)) = block.trim().split_once("\n----") else {
                assert!(block.trim().is_empty(), "{place} has no `----`");
                continue;
            };
            cases.push(Case {
                place,
                sql: sql.trim().to_owned(),
                expected: expected.trim().to_owned(),
            });
        }
    }
    cases
}

fn found(ran: &Ran) -> String {
    match ran.code {
        Some(0) => {
            let rows: Vec<&str> = ran.stdout.lines().skip(1).collect();
            rows.join("\n").trim().to_owned()
        }
        code => format!("exit {code:?}: {}", ran.stderr.trim()),
    }
}

fn is_right(ran: &Ran, expected: &str) -> bool {
    match expected.strip_prefix("refused: ") {
        // Whoever is refused is told in words, not by the engine's insides.
        Some(words) => {
            matches!(ran.code, Some(1 | 2))
                && ran.stderr.contains(words)
                && !ran.stderr.contains("Internal")
        }
        None => found(ran) == expected,
    }
}

#[test]
fn answers_are_right_or_refused_in_words() {
    let project = project();
    let cases = cases();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for threads in ["1", "3"] {
                        let args = ["-q", "--threads", threads, "sql", "-f", "csv", "-c", &case.sql];
                        let ran = project.run(&args);
                        if !is_right(&ran, &case.expected) {
                            let Case { place, sql, expected } = case;
                            wrong.lock().unwrap().push(format!(
                                "{place} ({threads} threads)\n{sql}\nexpected:\n{expected}\nfound:\n{}\n",
                                found(&ran)
                            ));
                        }
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A nested-loop join whose held side does not fit asks for it once more.
#[test]
fn no_row_is_lost_where_memory_is_short() {
    let project = Project::of(&[
        (
            "bronze/numbers.toml",
            "description = \"Numbers.\"\nfiles = \"numbers*\"\n[columns]\nid = { type = \"bigint\", required = true }\n",
        ),
        (
            "silver/numbers.sql",
            "-- Numbers, in four parts.\n--\n-- partition_by: part\n\
             select id, date '2024-01-01' + id % 4 as part from bronze.numbers",
        ),
    ]);
    let mut numbers = String::from("id\n");
    for id in 0..60_000 {
        numbers.push_str(&format!("{id}\n"));
    }
    project.deliver("numbers.csv", numbers);
    project.ok(&["refresh"]);
    let sql = "select count(*) from (select id, repeat('x', 2000) as t from silver.numbers) as a \
               join generate_series(1, 3) as b on a.id < b.value * 15000 and a.t > cast(b.value as text)";
    for (memory, threads) in [
        ("4GiB", "2"),
        ("64MiB", "1"),
        ("64MiB", "2"),
        ("96MiB", "3"),
    ] {
        let args = [
            "-q",
            "--memory",
            memory,
            "--threads",
            threads,
            "sql",
            "-f",
            "csv",
            "-c",
            sql,
        ];
        let ran = project.run(&args);
        match ran.code {
            Some(0) => assert_eq!(ran.stdout, "count(*)\n90000\n", "{memory}, {threads}"),
            _ => assert!(ran.stderr.contains("memory"), "{}", ran.stderr),
        }
    }
}
