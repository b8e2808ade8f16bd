//! Rows of gradient tables.

use vr_cuda::Kernel;
use vr_cuda::kernels::{ReadBf16, WriteBf16};
use vr_optim::{GradientTable, TableStorage};

use crate::memory::{Memory, bits, numbers};

#[test]
fn rows_in_bfloat16_have_the_bits_of_the_table() {
    let odd = [0x7f80_0000, 0xff80_0000, 0x7fc0_0001, 0x7f80_0001, 0xffff_ffff, 0x7f7f_ffff, 0x0000_8000, 0x3f80_8000];
    let more = [0x3f81_8000, 0x3f80_8001, 0x3f80_7fff, 0x8000_0001, 0x0080_0000, 0x8000_0000];
    let mut x = numbers(1, 3001);
    x.iter_mut().zip(odd.into_iter().chain(more)).for_each(|(x, word)| *x = f32::from_bits(word));
    let len = x.len();
    let mut memory = Memory::default();
    let (at_x, row, rounded, read) =
        (memory.put(&x), memory.rubbish::<u16>(len), memory.rubbish::<f32>(len), memory.rubbish::<f32>(len));
    let run = memory.run(|at| {
        let row = at.of(row);
        vec![
            WriteBf16 { x: at.of(at_x), row, rounded: at.of(rounded), len }.launch(),
            ReadBf16 { row, x: at.of(read), len }.launch(),
        ]
    });
    let Some(()) = run else { return };
    let mut table = GradientTable::<f32>::new(&TableStorage::Bf16, 1, len).unwrap();
    let kept = table.write(0, &x).unwrap();
    assert_eq!(bits(&memory.get(rounded)), bits(kept));
    assert_eq!(bits(&memory.get(read)), bits(kept));
}
