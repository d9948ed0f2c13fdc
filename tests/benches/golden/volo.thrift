namespace rs bench.echo

/** A small message, of about 110 bytes. */
struct Note {
    1: required i64 id,
    2: required i32 kind,
    3: required string author,
    4: required string text,
}

/** Gives back what it gets. */
service Echo {
    Note echo(1: Note note),
}
