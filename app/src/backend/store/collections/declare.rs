//! How a Rust type is published as a collection: a plain description of which rows a person may see and which of their
//! fields, in a few lines and all of it `const`.
//!
//! Invariant: what is not named here does not exist for a query. SQL stands in the description only, as text of the
//! program; nothing that a caller sent ever becomes SQL. Decision: a `const` builder and no macro, because the compiler's
//! messages about it are about the line one wrote.

/// A type whose rows are published.
pub trait Published {
    /// How.
    const COLLECTION: Collection;
}

/// A published collection.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Its name, in the plural: `^[a-z][a-z_]*$`.
    pub name: &'static str,
    /// One of its rows, in the singular; the generated tools are called after it.
    pub one: &'static str,
    /// What it holds, for the model.
    pub about: &'static str,
    /// Where its rows come from, and whose they are.
    pub(in crate::backend::store) source: Source,
    /// The fields that may be read, `_id` first.
    pub fields: &'static [Field],
    /// Which tools are generated.
    pub permits: Permits,
    /// Rows of one page unless asked otherwise.
    pub limit: u32,
    /// Rows of one page at most.
    pub limit_max: u32,
    /// Rows one person may have of it, where rows can be created.
    pub rows_max: u32,
    /// Operators beyond the usual ones that `$match` takes here.
    pub filters: &'static [Filter],
    /// What else the model should know.
    pub instructions: &'static str,
    /// How rows are told unless asked otherwise.
    pub format: Format,
    /// Whether rows come as an embedded resource unless asked otherwise.
    pub as_resource: bool,
}

/// Where rows come from. Either way `$1` is the caller, and rows of others do not come.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend::store) enum Source {
    /// A table each of whose rows has one owner.
    Table {
        /// The table.
        table: &'static str,
        /// The column that names the owner.
        owner: &'static str,
    },
    /// Tables joined so that only the caller's rows are left.
    Join {
        /// What stands behind `FROM`.
        from: &'static str,
        /// What stands behind `WHERE`.
        only: &'static str,
    },
}

/// One field of a collection.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name for callers.
    pub name: &'static str,
    /// What it holds, for the model.
    pub about: &'static str,
    /// Its type.
    pub kind: Kind,
    /// How it is read.
    pub(in crate::backend::store) column: Column,
    /// Whether a row may have none.
    pub nullable: bool,
    /// The only values it takes, each with what it means; none named means any.
    pub choices: &'static [(&'static str, &'static str)],
    /// The collection whose `_id` it is.
    pub references: Option<&'static str>,
    /// Whether `$search` and `$text` look into it.
    pub searchable: bool,
    /// Whether generated tools may set it.
    pub writable: bool,
    /// Characters it takes when written.
    pub max: usize,
    /// When the store itself sets it to the time.
    pub stamp: Option<Stamp>,
}

/// How a field is read from the source.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend::store) enum Column {
    /// The column or expression of that SQL.
    Sql(&'static str),
    /// The plain text of the message parts in that column.
    PlainText(&'static str),
}

/// The types of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number.
    Double,
    /// Yes or no.
    Bool,
    /// A time: milliseconds in the store, RFC 3339 for callers.
    Date,
    /// The `_id` of a row, here or elsewhere.
    Id,
}

/// When the store sets a field to the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// When the row is made.
    Created,
    /// Whenever it is written.
    Updated,
}

/// Which tools a collection permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permits {
    /// Making rows.
    pub create: bool,
    /// Changing rows.
    pub update: bool,
    /// Removing rows.
    pub delete: bool,
}

impl Permits {
    /// None: it is read only.
    pub const NONE: Self = Self { create: false, update: false, delete: false };
    /// All three.
    pub const ALL: Self = Self { create: true, update: true, delete: true };
}

/// Operators of `$match` that a collection may take beyond the usual ones; all ignore case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `$icontains`.
    Contains,
    /// `$istartswith`.
    StartsWith,
    /// `$iendswith`.
    EndsWith,
    /// `$iexact`.
    Exact,
}

impl Filter {
    /// Its operator.
    pub const fn operator(self) -> &'static str {
        match self {
            Self::Contains => "$icontains",
            Self::StartsWith => "$istartswith",
            Self::EndsWith => "$iendswith",
            Self::Exact => "$iexact",
        }
    }
}

/// How rows are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Objects.
    Json,
    /// Lines of values between commas, the first of them names.
    Csv,
}

impl Collection {
    /// A table whose column `owner` holds whose row it is.
    pub const fn of_table(name: &'static str, one: &'static str, table: &'static str, owner: &'static str) -> Self {
        Self::of(name, one, Source::Table { table, owner })
    }

    /// Tables joined so that only rows of `$1`, the caller, are left.
    pub const fn of_join(name: &'static str, one: &'static str, from: &'static str, only: &'static str) -> Self {
        Self::of(name, one, Source::Join { from, only })
    }

    const fn of(name: &'static str, one: &'static str, source: Source) -> Self {
        Self {
            name,
            one,
            about: "",
            source,
            fields: &[],
            permits: Permits::NONE,
            limit: 20,
            limit_max: 100,
            rows_max: 1000,
            filters: &[],
            instructions: "",
            format: Format::Json,
            as_resource: false,
        }
    }

    /// What it holds.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Its fields, `_id` first.
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// Which tools are generated.
    pub const fn permits(mut self, permits: Permits) -> Self {
        self.permits = permits;
        self
    }

    /// Rows of a page: usually, and at most.
    pub const fn limits(mut self, usual: u32, most: u32) -> Self {
        (self.limit, self.limit_max) = (usual, most);
        self
    }

    /// Rows one person may have.
    pub const fn rows_max(mut self, most: u32) -> Self {
        self.rows_max = most;
        self
    }

    /// Further operators.
    pub const fn filters(mut self, filters: &'static [Filter]) -> Self {
        self.filters = filters;
        self
    }

    /// What else the model should know.
    pub const fn instructions(mut self, instructions: &'static str) -> Self {
        self.instructions = instructions;
        self
    }

    /// How rows are told unless asked otherwise.
    pub const fn told_as(mut self, format: Format, as_resource: bool) -> Self {
        (self.format, self.as_resource) = (format, as_resource);
        self
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            about,
            kind,
            column: Column::Sql(name),
            nullable: false,
            choices: &[],
            references: None,
            searchable: false,
            writable: false,
            max: 200,
            stamp: None,
        }
    }

    /// The row's own id: the first field of each collection.
    pub const fn key() -> Self {
        Self::new("_id", Kind::Id, "The row's own id.").column("id")
    }

    /// A text.
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    /// A whole number.
    pub const fn int(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Int, about)
    }

    /// A floating-point number.
    pub const fn double(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Double, about)
    }

    /// Yes or no.
    pub const fn bool(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Bool, about)
    }

    /// A time.
    pub const fn date(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Date, about)
    }

    /// The `_id` of a row of `collection`.
    pub const fn reference(name: &'static str, collection: &'static str, about: &'static str) -> Self {
        let mut field = Self::new(name, Kind::Id, about);
        field.references = Some(collection);
        field
    }

    /// Its column or expression, where that is not its name.
    pub const fn column(mut self, sql: &'static str) -> Self {
        self.column = Column::Sql(sql);
        self
    }

    /// It is the plain text of the message parts in that column.
    pub const fn plain_text_of(mut self, column: &'static str) -> Self {
        self.column = Column::PlainText(column);
        self
    }

    /// A row may have none.
    pub const fn optional(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The only values it takes, each with what it means.
    pub const fn choices(mut self, choices: &'static [(&'static str, &'static str)]) -> Self {
        self.choices = choices;
        self
    }

    /// `$search` looks into it.
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// Generated tools may set it, to at most `max` characters if it is a text.
    pub const fn writable(mut self, max: usize) -> Self {
        (self.writable, self.max) = (true, max);
        self
    }

    /// The store sets it to the time.
    pub const fn stamped(mut self, stamp: Stamp) -> Self {
        self.stamp = Some(stamp);
        self
    }
}
