//! The SQL that compares two sides of a table.

use super::TablePair;

/// Rows that the other side lacks: the shared columns, and `"#n"`, how many
/// there are; negative before, positive after.
pub(super) fn residue(pair: &TablePair) -> String {
    let names: Vec<String> = pair.columns.iter().map(|c| quoted(&c.name)).collect();
    let names = names.join(", ");
    let values: Vec<String> = pair
        .columns
        .iter()
        .map(|c| match (quoted(&c.name), c.as_text) {
            (name, true) => format!("cast({name} as text) as {name}"),
            (name, false) => name,
        })
        .collect();
    let values = values.join(", ");
    let sides = [(&pair.before, -1), (&pair.after, 1)];
    let sides: Vec<String> = sides
        .into_iter()
        .filter_map(|(side, n)| Some((side.as_ref()?, n)))
        .map(|(side, n)| format!("select {values}, {n} as \"#n\" from {}", side.queried))
        .collect();
    format!(
        "select {names}, sum(\"#n\") as \"#n\" from ({}) as sides group by {names} \
         having sum(\"#n\") <> 0",
        sides.join(" union all ")
    )
}

/// For each key that differs, `shown` and how many rows `came`, `went` and
/// `changed`.
pub(super) fn by_key(pair: &TablePair, key: &[String], shown: &str) -> String {
    let residue = residue(pair);
    let sums = "coalesce(sum(\"#n\") filter (where \"#n\" > 0), 0) as came, \
                coalesce(-sum(\"#n\") filter (where \"#n\" < 0), 0) as went";
    if !pair.has_key(key) {
        return format!(
            "select {shown}came, went, 0 as changed from (select {sums} from ({residue}) as residue) as sums"
        );
    }
    let key: Vec<String> = key.iter().map(|k| quoted(k)).collect();
    let key = key.join(", ");
    format!(
        "select {shown}came, went, least(came, went) as changed \
         from (select {key}, {sums} from ({residue}) as residue group by {key}) as sums"
    )
}

/// A name as SQL reads it back.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
