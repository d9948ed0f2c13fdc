//! What travels: an enum of the calls with their arguments, an enum of the results, and how each is written and read.

use super::{FunctionForm, ServiceForm};
use crate::rust::enums::deprecated;
use crate::rust::layout::Expr;
use crate::rust::module::Module;
use crate::rust::structs::{decoded, encode_field, missing, read_fields};
use crate::rust::values::annotations;
use crate::rust::writer::Writer;

pub(super) fn request(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let names = form.names;
    w.item();
    w.doc(format!("The calls of [`{}`], with their arguments: what middleware sees.", names.service));
    w.attribute("derive", &["Clone", "Debug", "PartialEq"]);
    w.block(format!("pub enum {}", names.request), |w| {
        for function in &form.functions {
            w.doc(format!("`{}`", function.def.name));
            deprecated(w, function.def.annotations.get("deprecated"));
            variant(w, m, function);
        }
        if let Some(parent) = &form.parent {
            w.doc(format!("A call of [`{}`].", parent.service));
            w.line(format!("{}({}),", parent.variant, parent.request));
        }
    });
    request_impl(w, m, form);
    let readers: Vec<_> = form.functions.iter().filter(|function| !function.args.is_empty()).collect();
    if readers.is_empty() {
        return;
    }
    w.item();
    w.impl_block(format!("impl {}", names.request), |w| {
        for function in readers {
            w.item();
            let (reader, error) = (m.rt("codec", "Reader"), m.rt("codec", "DecodeError"));
            let output = format!("{}<Self, {error}>", m.std("Result"));
            let head = format!("fn read_{}<R: {reader}>", bare(function));
            w.function(&head, &["r: &mut R".to_owned()], &output, |w| {
                read_fields(w, m, &function.args, false);
                missing(w, m, &format!("{}_args", function.def.name), &function.args);
                w.expr(&Expr::call("Ok", [decoded(&format!("Self::{}", function.variant), &function.args, None)]), "");
            });
        }
    });
}

pub(super) fn response(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let names = form.names;
    w.item();
    w.doc(format!("The results of [`{}`]: what middleware sees come back.", names.service));
    w.attribute("derive", &["Debug"]);
    w.block(format!("pub enum {}", names.response), |w| {
        for function in &form.functions {
            w.doc(format!("`{}`", function.def.name));
            match (&function.error, function.is_void()) {
                (Some(_), _) => w.tuple_variant(&function.variant, &function.result(m)),
                (None, true) => w.line(format!("{},", function.variant)),
                (None, false) => w.tuple_variant(&function.variant, &function.output),
            }
        }
        if let Some(parent) = &form.parent {
            w.doc(format!("A result of [`{}`].", parent.service));
            w.line(format!("{}({}),", parent.variant, parent.response));
        }
    });
    response_impl(w, m, form);
    if form.functions.is_empty() {
        return;
    }
    w.item();
    w.impl_block(format!("impl {}", names.response), |w| {
        for function in &form.functions {
            read_result(w, m, function);
        }
    });
}

/// `pub static STORE_BUY_ALBUM: Method`
pub(super) fn descriptors(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let method = m.rt("call", "Method");
    for (index, function) in form.functions.iter().enumerate() {
        w.item();
        w.doc(format!("`{}.{}`, as the IDL declares it.", form.def.name, function.def.name));
        let text = |text: &str| Some(Expr::text(format!("{text:?}")));
        let [arguments, result] = m.described_function(form.id, index);
        let fields = vec![
            ("service".to_owned(), text(&form.def.name)),
            ("name".to_owned(), text(&function.def.name)),
            ("wire_name".to_owned(), text(&function.def.wire_name())),
            ("oneway".to_owned(), Some(Expr::text(function.def.oneway.to_string()))),
            ("annotations".to_owned(), Some(annotations(&function.def.annotations))),
            ("arguments".to_owned(), Some(arguments)),
            ("result".to_owned(), Some(result)),
        ];
        let value = Expr::Struct(method.clone(), fields, None);
        w.assign(&format!("pub static {}: {method} =", function.descriptor), &value, ";");
    }
}

/// `BuyAlbum { asin: Asin, acct: String },`
fn variant(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>) {
    if function.args.is_empty() {
        return w.line(format!("{},", function.variant));
    }
    let fields = function.args.iter().map(|arg| format!("{}: {}", arg.ident, arg.full_type(m))).collect();
    w.struct_variant(&function.variant, fields);
}

fn request_impl(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let names = form.names;
    let (request, method, writer) = (m.rt("call", "Request"), m.rt("call", "Method"), m.rt("codec", "Writer"));
    let (reader, error, rpc) = (m.rt("codec", "Reader"), m.rt("codec", "DecodeError"), m.rt("", "RpcError"));
    let (result, option) = (m.std("Result"), m.std("Option"));
    let empty = form.functions.is_empty() && form.parent.is_none();
    w.item();
    w.impl_block(format!("impl {request} for {}", names.request), |w| {
        w.line(format!("type Response = {};", names.response));
        w.item();
        methods(w, m, form);
        w.item();
        w.block(format!("fn method(&self) -> &'static {method}"), |w| {
            if empty {
                return w.line("match *self {}");
            }
            w.block("match self", |w| {
                for function in &form.functions {
                    w.arm(&any(function), &Expr::text(format!("&{}", function.descriptor)));
                }
                if let Some(parent) = &form.parent {
                    w.line(format!("Self::{}(request) => {request}::method(request),", parent.variant));
                }
            });
        });
        w.item();
        let unused = if empty { "_" } else { "w" };
        w.block(format!("fn encode<W: {writer}>(&self, {unused}: &mut W)"), |w| {
            if empty {
                return w.line("match *self {}");
            }
            w.block("match self", |w| {
                for function in &form.functions {
                    encode_call(w, function);
                }
                if let Some(parent) = &form.parent {
                    w.line(format!("Self::{}(request) => {request}::encode(request, w),", parent.variant));
                }
            });
        });
        w.item();
        let params = ["method: &str".to_owned(), "r: &mut R".to_owned()];
        let output = format!("{option}<{result}<Self, {error}>>");
        w.function(&format!("fn decode<R: {reader}>"), &params, &output, |w| decode_call(w, m, form));
        w.item();
        let params = ["&self".to_owned(), "r: &mut R".to_owned()];
        let output = format!("{result}<{}, {rpc}>", names.response);
        w.function(&format!("fn decode_response<R: {reader}>"), &params, &output, |w| {
            if empty {
                w.line("let _ = r;");
                return w.line("match *self {}");
            }
            w.block("match self", |w| {
                for function in &form.functions {
                    let read = format!("{}::read_{}(r)", names.response, bare(function));
                    w.arm(&any(function), &Expr::text(read));
                }
                if let Some(parent) = &form.parent {
                    w.block(format!("Self::{}(request) =>", parent.variant), |w| {
                        w.line(format!("let response = {request}::decode_response(request, r)?;"));
                        let path = format!("{}::{}", names.response, parent.variant);
                        w.expr(&Expr::call("Ok", [Expr::call(path, [Expr::text("response")])]), "");
                    });
                }
            });
        });
    });
}

/// `fn methods`
fn methods(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let method = m.rt("call", "Method");
    w.block(format!("fn methods() -> &'static [&'static {method}]"), |w| match form.all_methods(m) {
        none if none.is_empty() => w.line("&[]"),
        methods => {
            w.assign(&format!("static METHODS: &[&{method}] ="), &Expr::Array("&", methods), ";");
            w.line("METHODS");
        }
    });
}

/// A pattern for any call of the function.
fn any(function: &FunctionForm<'_>) -> String {
    let fields = if function.args.is_empty() { "" } else { " { .. }" };
    format!("Self::{}{fields}", function.variant)
}

fn encode_call(w: &mut Writer, function: &FunctionForm<'_>) {
    let path = format!("Self::{}", function.variant);
    let idents: Vec<(String, Option<Expr>)> = function.args.iter().map(|arg| (arg.ident.clone(), None)).collect();
    let pattern = if idents.is_empty() { Expr::text(path) } else { Expr::Struct(path, idents, None) };
    w.arm_block(&pattern, |w| {
        w.line("w.struct_begin();");
        for arg in &function.args {
            encode_field(w, arg, &arg.ident, &arg.ident);
        }
        w.line("w.struct_end();");
    });
}

fn decode_call(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    if form.functions.is_empty() {
        return match &form.parent {
            Some(parent) => decode_parents_call(w, m, form, parent, "Some(", ")"),
            None => {
                w.line("let _ = (method, r);");
                w.line("None");
            }
        };
    }
    w.block_then("Some(match method", ")", |w| {
        for function in &form.functions {
            let value = if function.args.is_empty() {
                let skip =
                    Expr::text("r").method("skip", [Expr::text(format!("{}::Struct", m.rt("codec", "TType")))], "");
                skip.method("map", [Expr::text(format!("|()| Self::{}", function.variant))], "")
            } else {
                Expr::text(format!("Self::read_{}(r)", bare(function)))
            };
            w.arm(&format!("{:?}", function.def.wire_name()), &value);
        }
        match &form.parent {
            Some(parent) => w.block("_ =>", |w| decode_parents_call(w, m, form, parent, "", "")),
            None => w.line("_ => return None,"),
        }
    });
}

fn decode_parents_call(
    w: &mut Writer,
    m: &Module<'_>,
    form: &ServiceForm<'_>,
    parent: &super::Parent,
    open: &str,
    close: &str,
) {
    let request = m.rt("call", "Request");
    let decode = Expr::call(format!("<{} as {request}>::decode", parent.request), ["method", "r"].map(Expr::text));
    w.assign("let request =", &decode.then("?"), ";");
    w.line(format!("{open}request.map({}::{}){close}", form.names.request, parent.variant));
}

fn response_impl(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let (response, writer) = (m.rt("call", "Response"), m.rt("codec", "Writer"));
    let empty = form.functions.is_empty() && form.parent.is_none();
    w.item();
    w.impl_block(format!("impl {response} for {}", form.names.response), |w| {
        let unused = if empty { "_" } else { "w" };
        w.block(format!("fn encode<W: {writer}>(&self, {unused}: &mut W)"), |w| {
            if empty {
                return w.line("match *self {}");
            }
            if let (Some(parent), true) = (&form.parent, form.is_single()) {
                w.line(format!("let Self::{}(response) = self;", parent.variant));
                return w.line(format!("{response}::encode(response, w);"));
            }
            if let Some(parent) = &form.parent {
                w.block(format!("if let Self::{}(response) = self", parent.variant), |w| {
                    w.line(format!("return {response}::encode(response, w);"));
                });
            }
            w.line("w.struct_begin();");
            w.block("match self", |w| {
                for function in &form.functions {
                    encode_result(w, m, function);
                }
                if let Some(parent) = &form.parent {
                    w.line(format!("Self::{}(_) => {{}}", parent.variant));
                }
            });
            w.line("w.struct_end();");
        });
        failure(w, m, form);
    });
}

/// `fn failure` and `fn exception`, where a result can hold one.
fn failure(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let throwing: Vec<_> = form.functions.iter().filter(|function| function.error.is_some()).collect();
    if throwing.is_empty() && form.parent.is_none() {
        return;
    }
    let (response, rpc, option) = (m.rt("call", "Response"), m.rt("", "RpcError"), m.std("Option"));
    for (name, asked, output) in
        [("failure", "rpc", format!("&{rpc}")), ("exception", "exception", "&'static str".into())]
    {
        w.item();
        w.block(format!("fn {name}(&self) -> {option}<{output}>"), |w| {
            w.block("match self", |w| {
                for function in &throwing {
                    w.arm(&format!("Self::{}(Err(error))", function.variant), &Expr::text(format!("error.{asked}()")));
                }
                if let Some(parent) = &form.parent {
                    let asked = Expr::call(format!("{response}::{name}"), [Expr::text("response")]);
                    w.arm(&format!("Self::{}(response)", parent.variant), &asked);
                }
                if !form.functions.is_empty() {
                    w.line("_ => None,");
                }
            });
        });
    }
}

fn encode_result(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>) {
    let variant = &function.variant;
    let success = |w: &mut Writer, pattern: String| match &function.def.returns {
        None => w.line(format!("{pattern} => {{}}")),
        Some(ty) => w.block(format!("{pattern} =>"), |w| {
            w.line(format!("w.field_begin(0, {});", m.ttype(ty)));
            w.line("result.encode(w);");
        }),
    };
    let Some(error) = &function.error else {
        let held = if function.is_void() { "" } else { "(result)" };
        return success(w, format!("Self::{variant}{held}"));
    };
    success(w, format!("Self::{variant}(Ok({}))", if function.is_void() { "()" } else { "result" }));
    w.block_then(format!("Self::{variant}(Err(error)) => match error"), ",", |w| {
        for ((field, _), exception) in function.def.thrown().zip(function.error_variants(m)) {
            w.unwrap_arm(&format!("{error}::{exception}"), "exception", |w| {
                w.line(format!("w.field_begin({}, {}::Struct);", field.id, m.rt("codec", "TType")));
                w.line("exception.encode(w);");
            });
        }
        // The server has answered it as a failure by now.
        w.line(format!("{error}::Rpc(_) => {{}}"));
    });
}

fn read_result(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>) {
    let (reader, rpc) = (m.rt("codec", "Reader"), m.rt("", "RpcError"));
    let name = &function.def.name;
    let head = format!("fn read_{}<R: {reader}>", bare(function));
    let output = format!("{}<Self, {rpc}>", m.std("Result"));
    w.item();
    w.function(&head, &["r: &mut R".to_owned()], &output, |w| {
        let variant = format!("Self::{}", function.variant);
        if function.is_void() && function.error.is_none() {
            w.line(format!("r.skip({}::Struct)?;", m.rt("codec", "TType")));
            return w.line(format!("Ok({variant})"));
        }
        let wire = m.rt("codec", "Wire");
        let start = if function.is_void() { "Some(Ok(()))" } else { "None" };
        w.line(format!("let mut result = {start};"));
        w.line("r.struct_begin()?;");
        w.block("while let Some(field) = r.field_begin()?", |w| {
            w.block("match (field.id, field.ty)", |w| {
                if let Some(ty) = &function.def.returns {
                    let value = Expr::text(format!("{wire}::decode(r)?"));
                    let value = if function.error.is_some() { Expr::call("Ok", [value]) } else { value };
                    w.arm(&format!("(0, {})", m.ttype(ty)), &Expr::call("result = Some", [value]));
                }
                for ((field, _), exception) in function.def.thrown().zip(function.error_variants(m)) {
                    let Some(error) = &function.error else { continue };
                    w.block(format!("({}, {}::Struct) =>", field.id, m.rt("codec", "TType")), |w| {
                        let value = Expr::text(format!("{wire}::decode(r)?"));
                        w.assign("let error =", &Expr::call(format!("{error}::{exception}"), [value]), ";");
                        w.line("result = Some(Err(error));");
                    });
                }
                w.line("(_, other) => r.skip(other)?,");
            });
        });
        w.line("r.struct_end();");
        let missing = Expr::closure(Expr::call(format!("{rpc}::missing_result"), [Expr::text(format!("{name:?}"))]));
        let result = Expr::text("result").method("map", [Expr::text(variant)], "");
        w.expr(&result.method("ok_or_else", [missing], ""), "");
    });
}

fn bare<'a>(function: &'a FunctionForm<'_>) -> &'a str {
    crate::rust::names::bare(&function.ident)
}
