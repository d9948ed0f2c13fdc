//! Makes generated types those of Apache's `thrift` crate too, where the build script asks for it.

use super::module::Module;
use super::writer::Writer;

/// The bridge of one type, behind its codec.
pub(crate) fn bridge(w: &mut Writer, m: &Module<'_>, name: &str) {
    if m.options().apache {
        w.item();
        w.line(format!("::thriftwood::apache_serializable!({name});"));
    }
}
