//! Which events are meant: an operation of a scope, and values for the variables of the scope's prefix.

use clap::Args;
use thriftwood::event::Operation;
use thriftwood_idl::model::Model;

use super::describe::Describer;
use super::find::operation;
use super::options::pair;

/// An operation, and the topics of its scope.
#[derive(Args)]
pub(crate) struct Events {
    /// The events, as Scope.Operation.
    #[arg(value_name = "EVENT")]
    operation: String,
    /// A value for a variable of the scope's prefix; given once for each.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
}

impl Events {
    /// The operation, and a value for each variable; `otherwise` where none is given.
    pub(crate) fn resolve(
        &self,
        model: &Model,
        otherwise: Option<&str>,
    ) -> Result<(&'static Operation, Vec<String>), String> {
        let (scope, place) = operation(model, &self.operation)?;
        let operation = Describer::new(model).operation(scope, place);
        let names = operation.scope.variables;
        if let Some((unknown, _)) = self.variables.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(format!(
                "the prefix of scope {} has no variable `{}`; it has {has}",
                scope.name,
                unknown.escape_debug()
            ));
        }
        let value = |name: &&str| {
            // Of several, the last counts.
            let given = self.variables.iter().rev().find(|(given, _)| given == name);
            let value = given.map(|(_, value)| value.as_str()).or(otherwise);
            value.map(str::to_owned).ok_or_else(|| {
                format!("the prefix of scope {} has the variable `{name}`; give it with --var {name}=VALUE", scope.name)
            })
        };
        let values = names.iter().map(value).collect::<Result<_, _>>()?;
        Ok((operation, values))
    }
}
