//! The types as both sides number them, and errors from one side to the other.

use thrift::protocol::TType as Theirs;
use thrift::{ProtocolError, ProtocolErrorKind};

use crate::codec::{DecodeError, DecodeErrorKind, TType};

/// Ours as theirs.
pub(super) fn theirs(ty: TType) -> Theirs {
    match ty {
        TType::Bool => Theirs::Bool,
        TType::I8 => Theirs::I08,
        TType::I16 => Theirs::I16,
        TType::I32 => Theirs::I32,
        TType::I64 => Theirs::I64,
        TType::Double => Theirs::Double,
        TType::String => Theirs::String,
        TType::Struct => Theirs::Struct,
        TType::Map => Theirs::Map,
        TType::Set => Theirs::Set,
        TType::List => Theirs::List,
        TType::Uuid => Theirs::Uuid,
    }
}

/// Theirs as ours, where it is a type of a value.
pub(super) fn ours(ty: Theirs) -> Option<TType> {
    Some(match ty {
        Theirs::Bool => TType::Bool,
        Theirs::I08 => TType::I8,
        Theirs::I16 => TType::I16,
        Theirs::I32 => TType::I32,
        Theirs::I64 => TType::I64,
        Theirs::Double => TType::Double,
        Theirs::String => TType::String,
        Theirs::Struct => TType::Struct,
        Theirs::Map => TType::Map,
        Theirs::Set => TType::Set,
        Theirs::List => TType::List,
        Theirs::Uuid => TType::Uuid,
        Theirs::Stop | Theirs::Void | Theirs::Utf7 => return None,
    })
}

/// Our error as theirs.
pub(super) fn protocol_error(error: &DecodeError) -> thrift::Error {
    let kind = match error.kind() {
        DecodeErrorKind::Depth => ProtocolErrorKind::DepthLimit,
        DecodeErrorKind::Memory => ProtocolErrorKind::SizeLimit,
        DecodeErrorKind::Length(length) if length < 0 => ProtocolErrorKind::NegativeSize,
        DecodeErrorKind::Length(_) => ProtocolErrorKind::SizeLimit,
        DecodeErrorKind::Version(_) => ProtocolErrorKind::BadVersion,
        _ => ProtocolErrorKind::InvalidData,
    };
    thrift::Error::Protocol(ProtocolError::new(kind, error.to_string()))
}
