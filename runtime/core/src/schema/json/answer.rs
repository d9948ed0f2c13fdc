//! What a method answers, as JSON: its result, or one of its declared exceptions.

use super::{Printed, print};
use crate::codec::{DecodeError, Reader};
use crate::schema::{Field, Struct};

/// What came back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The result; `null` where the method has none.
    Result(Printed),
    /// A declared exception, with its entry of `throws`.
    Exception(&'static Field, Printed),
}

/// Reads what a method answered, led by [`Method::result`](crate::call::Method::result); `None` when there is neither a result nor
/// an exception that is described.
///
/// # Errors
/// When the bytes are no such answer.
pub fn print_answer<R: Reader>(result: &'static Struct, r: &mut R) -> Result<Option<Answer>, DecodeError> {
    let mut answer = None;
    r.struct_begin()?;
    while let Some(found) = r.field_begin()? {
        let field = result.field(found.id).filter(|field| field.ty.ttype() == found.ty);
        let Some(field) = field else {
            r.skip(found.ty)?;
            continue;
        };
        let printed = print(field.ty, r)?;
        answer = Some(if field.id == 0 { Answer::Result(printed) } else { Answer::Exception(field, printed) });
    }
    r.struct_end();
    let void = result.field(0).is_none();
    Ok(answer.or_else(|| void.then(|| Answer::Result(Printed { json: "null".to_owned(), unknown: Vec::new() }))))
}
