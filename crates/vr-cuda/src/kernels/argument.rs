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

/// A value of one argument.
pub trait Word: Copy {
    /// Its type in C.
    const C: &'static str;
    /// Its eight bytes.
    fn word(self) -> u64;
    /// What kernels count with it, if they do.
    fn count(self) -> Option<usize> {
        None
    }
}

impl Word for usize {
    const C: &'static str = "size";
    fn word(self) -> u64 {
        self as u64
    }
    fn count(self) -> Option<usize> {
        Some(self)
    }
}

impl Word for bool {
    const C: &'static str = "size";
    fn word(self) -> u64 {
        self.into()
    }
}

impl Word for f64 {
    const C: &'static str = "double";
    fn word(self) -> u64 {
        self.to_bits()
    }
}

macro_rules! addresses {
    ($($element:ty = $c:literal),*) => {$(
        impl Word for Address<$element> {
            const C: &'static str = $c;
            fn word(self) -> u64 {
                self.raw()
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
            const ARGUMENTS: &'static [(&'static str, &'static str)] =
                &[$((<$type as $crate::kernels::Word>::C, stringify!($field)),)*];

            fn launch(&self) -> Result<$crate::Launch, $crate::CudaError> {
                use $crate::kernels::Word;
                let counts = [$((stringify!($field), self.$field.count()),)*];
                let grid = { let $of = self; $grid };
                let words = vec![$(self.$field.word(),)*];
                $crate::Launch::new(Self::NAME, grid, &counts, words)
            }
        }
    };
}
