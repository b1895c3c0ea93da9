//! What a JSON value is.

/// What a value is. `Other` stands for everything that JSON cannot hold: functions, symbols, big
/// integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Absent.
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number, NaN included.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object that is no array.
    Object,
    /// Not JSON.
    Other,
}

impl Kind {
    /// The kind with its article, for error messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Undefined => "undefined",
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::Number => "a number",
            Kind::Text => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
            Kind::Other => "a value that JSON cannot hold",
        }
    }
}
