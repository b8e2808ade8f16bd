//! Arguments: eight bytes each, as the fields of a struct in C.

use std::marker::PhantomData;

/// An address of elements in a device's memory; on the host stand-in, of the host's.
#[derive(Debug, PartialEq, Eq)]
pub struct Address<T>(u64, PhantomData<fn() -> T>);

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Address<T> {}

impl<T> Address<T> {
    /// No address, for an argument that may be absent.
    pub const NULL: Self = Self(0, PhantomData);

    /// The address whose number is `raw`.
    pub fn new(raw: u64) -> Self {
        Self(raw, PhantomData)
    }

    /// Its number.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// The address of the element `elements` further on.
    #[must_use]
    pub fn at(self, elements: usize) -> Self {
        Self::new(self.0 + (elements * size_of::<T>()) as u64)
    }
}

/// What an argument is for: a number that counts is held below 2³¹.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A length, an index or a size.
    Count(usize),
    /// Anything else, as its eight bytes.
    Bits(u64),
}

/// Fields of a kernel's struct of arguments: one, or several that belong together.
pub trait Argument: Copy {
    /// Type in C (without `const`) and name of each field, if the argument is called `name`.
    fn fields(name: &'static str) -> Vec<(&'static str, &'static str)>;
    /// The value of each field.
    fn values(self) -> Vec<Meaning>;
}

impl Argument for usize {
    fn fields(name: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![("size", name)]
    }
    fn values(self) -> Vec<Meaning> {
        vec![Meaning::Count(self)]
    }
}

impl Argument for bool {
    fn fields(name: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![("size", name)]
    }
    fn values(self) -> Vec<Meaning> {
        vec![Meaning::Bits(self.into())]
    }
}

impl Argument for f64 {
    fn fields(name: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![("double", name)]
    }
    fn values(self) -> Vec<Meaning> {
        vec![Meaning::Bits(self.to_bits())]
    }
}

macro_rules! addresses {
    ($($element:ty = $c:literal),*) => {$(
        impl Argument for Address<$element> {
            fn fields(name: &'static str) -> Vec<(&'static str, &'static str)> {
                vec![($c, name)]
            }
            fn values(self) -> Vec<Meaning> {
                vec![Meaning::Bits(self.raw())]
            }
        }
    )*};
}

addresses!(f32 = "float *", f64 = "double *", u8 = "unsigned char *", u16 = "unsigned short *", u32 = "unsigned *");

/// A kernel: its name in the source, its grid, and its arguments in the order of the source's struct.
macro_rules! kernel {
    (
        $(#[$doc:meta])*
        $kernel:ident = $name:literal, |$of:ident| $grid:expr,
        { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $kernel {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::kernels::Kernel for $kernel {
            const NAME: &'static str = $name;

            fn arguments() -> Vec<(&'static str, &'static str)> {
                [$(<$type as $crate::kernels::Argument>::fields(stringify!($field)),)*].concat()
            }

            fn launch(&self) -> Result<$crate::Launch, $crate::CudaError> {
                let grid = { let $of = self; $grid };
                let values = [$($crate::kernels::Argument::values(self.$field),)*].concat();
                $crate::Launch::new::<Self>(grid, &values)
            }
        }
    };
}
