# The recipes; `just` alone lists them.
export CARGO_TARGET_DIR := env("CARGO_TARGET_DIR", home_directory() / ".cache/cinelake/target")

_list:
    @just --list

# Everything the gate runs
ci:
    bash .ci/run

# Fast feedback: types and lints
check:
    cargo clippy --release --workspace --all-targets -- -D warnings

# All tests
test *ARGS:
    cargo test --release {{ARGS}}

# The main job on an empty machine
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# All benches, or those whose name matches
bench *ARGS:
    cargo bench {{ARGS}}

# cinelake beside DuckDB, Polars, chDB and vanilla DataFusion: `--sessions 10000000` for more
peers *ARGS:
    cargo build --release
    [ -x "$CARGO_TARGET_DIR/peers-venv/bin/python" ] || python3 -m venv "$CARGO_TARGET_DIR/peers-venv"
    "$CARGO_TARGET_DIR/peers-venv/bin/pip" install --quiet --disable-pip-version-check -r benches/peers/requirements.txt
    "$CARGO_TARGET_DIR/peers-venv/bin/python" benches/peers/peers.py "$CARGO_TARGET_DIR/release/cinelake" {{ARGS}}

# The fourteen questions beside DuckDB; red where one lost a fifth since the last table of as many sessions
bench-guard *ARGS: (peers "--engines" "cinelake,duckdb" "--sessions" "1000000" "--runs" "5" "--guard" "benches/peers/S.md" ARGS)

# A warehouse of eleven models, built by cinelake, dbt and plain DuckDB; `--sessions 10000000` for more
builds *ARGS:
    cargo build --release
    [ -x "$CARGO_TARGET_DIR/dbt-venv/bin/python" ] || python3 -m venv "$CARGO_TARGET_DIR/dbt-venv"
    "$CARGO_TARGET_DIR/dbt-venv/bin/pip" install --quiet --disable-pip-version-check -r benches/peers/dbt/requirements.txt
    "$CARGO_TARGET_DIR/dbt-venv/bin/python" benches/peers/builds.py "$CARGO_TARGET_DIR/release/cinelake" {{ARGS}}

# 500 generated queries under many settings, beside DuckDB; `--seed 7` for others, `--queries 50000` at length
agree *ARGS:
    cargo build --release
    [ -x "$CARGO_TARGET_DIR/readers-venv/bin/python" ] || python3 -m venv "$CARGO_TARGET_DIR/readers-venv"
    "$CARGO_TARGET_DIR/readers-venv/bin/pip" install --quiet --disable-pip-version-check -r tests/readers/requirements.txt
    "$CARGO_TARGET_DIR/readers-venv/bin/python" tests/agree/agree.py "$CARGO_TARGET_DIR/release/cinelake" {{ARGS}}

# Accept changed snapshots
accept:
    INSTA_UPDATE=always cargo test --release
