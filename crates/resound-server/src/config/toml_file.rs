//! `resound.toml`: keys with values, and a list of applications.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    error::ConfigError,
    files::File,
    value::{Origin, Raw, Value},
};

/// The key of the list of applications.
const APPS: &str = "apps";

/// What a file says, with the place of everything.
#[derive(Debug, Default)]
pub(crate) struct TomlFile {
    /// The settings of the process.
    pub(crate) server: Section,
    /// The applications.
    pub(crate) apps: Vec<Section>,
}

/// One table of the file.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// Where the section is written: `apps[0] in resound.toml:7`.
    pub(crate) origin: String,
    /// Its keys, those of inner tables as `outer.inner`, in the order of the file.
    pub(crate) values: Vec<(String, Value)>,
}

impl Section {
    /// The value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl TomlFile {
    /// Reads a file; a file that is no TOML is as many errors as it has bad places.
    pub(crate) fn parse(file: &File) -> Result<Self, Vec<ConfigError>> {
        let Ok(text) = std::str::from_utf8(&file.content) else {
            let reason = "it is no UTF-8 text".to_owned();
            return Err(vec![ConfigError::Unreadable { file: file.name.clone(), reason }]);
        };
        let place = Place { file: &file.name, text };
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return place.document(table.get_ref()).map_err(|error| vec![error]);
        }
        let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let mut errors: Vec<_> = errors.iter().map(|e| (start(e), e.message())).collect();
        errors.sort_by_key(|(at, _)| *at);
        Err(errors.into_iter().map(|(at, cause)| place.syntax(at, cause.to_owned())).collect())
    }
}

/// The file that is read, to say where something is.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.text[..at.min(self.text.len())].matches('\n').count()
    }

    fn syntax(&self, at: usize, cause: String) -> ConfigError {
        ConfigError::Syntax { file: self.file.to_owned(), line: self.line(at), cause }
    }

    fn document(&self, table: &DeTable<'_>) -> Result<TomlFile, ConfigError> {
        let mut file = TomlFile::default();
        for (key, value) in table {
            if key.get_ref() == APPS {
                file.apps = self.apps(value)?;
            } else {
                self.flatten("", "", key, value, &mut file.server.values);
            }
        }
        file.server.values.sort_by_key(|(_, value)| line_of(value));
        Ok(file)
    }

    fn apps(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Section>, ConfigError> {
        let expected = || {
            let cause = "apps is a list of tables: write [[apps]] above each app".to_owned();
            self.syntax(value.span().start, cause)
        };
        let list = value.get_ref().as_array().ok_or_else(expected)?;
        let apps = list.iter().enumerate().map(|(index, app)| {
            let table = app.get_ref().as_table().ok_or_else(expected)?;
            let name = format!("{APPS}[{index}]");
            let line = self.line(app.span().start);
            let mut values = Vec::new();
            for (key, value) in table {
                self.flatten(&format!("{name}."), "", key, value, &mut values);
            }
            values.sort_by_key(|(_, value)| line_of(value));
            Ok(Section { origin: format!("{name} in {}:{line}", self.file), values })
        });
        apps.collect()
    }

    /// Adds a key, or the keys of an inner table; `section` is only shown.
    fn flatten(
        &self,
        section: &str,
        outer: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        to: &mut Vec<(String, Value)>,
    ) {
        let name = format!("{outer}{}", key.get_ref());
        if let Some(table) = value.get_ref().as_table() {
            let outer = format!("{name}.");
            table.iter().for_each(|(key, value)| self.flatten(section, &outer, key, value, to));
            return;
        }
        let line = self.line(key.span().start);
        let shown = format!("{section}{name}");
        let origin = Origin::File { key: shown, file: self.file.to_owned(), line };
        to.push((name, Value { raw: raw(value.get_ref()), origin }));
    }
}

fn line_of(value: &Value) -> usize {
    match value.origin {
        Origin::File { line, .. } | Origin::EnvFile { line, .. } => line,
        Origin::Flag { .. } | Origin::Environment { .. } | Origin::Default { .. } => 0,
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Raw::Other("a number of more than 64 bits"), Raw::Integer),
        DeValue::Boolean(boolean) => Raw::Boolean(*boolean),
        DeValue::Array(list) => Raw::List(list.iter().map(|entry| raw(entry.get_ref())).collect()),
        DeValue::Float(_) => Raw::Other("a number with a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| {
                (
                    String::from(&**Spanned::<std::borrow::Cow<'_, str>>::get_ref(key)),
                    raw(value.get_ref()),
                )
            };
            Raw::Table(table.iter().map(entry).collect())
        }
    }
}
