//! A network as an argument: a name, or a name with options.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use vr_bench::settings::Model;

/// Reads `lenet` or `resnet:depth=56,width=16`; of a wrong name it names the nearest.
#[derive(Clone)]
pub struct ModelParser;

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(Model::ALL.map(|model| PossibleValue::new(model.name()).help(model.about())))
}

impl TypedValueParser for ModelParser {
    type Value = Model;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Model, Error> {
        let text = value.to_string_lossy();
        let name = text.split(':').next().unwrap_or_default();
        names().parse_ref(command, argument, OsStr::new(name))?;
        let wrong = |error| Error::raw(ErrorKind::InvalidValue, format!("{error}\n")).with_cmd(command);
        text.parse().map_err(wrong)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Model::ALL.into_iter().map(|model| PossibleValue::new(model.name()).help(model.about()))))
    }
}
