//! Minibatches as the CPU has them.

use vr_core::Batch;
use vr_cuda::Kernel;
use vr_cuda::kernels::FromLanes;

use crate::memory::{Memory, numbers};

#[test]
fn pictures_come_out_of_lane_blocks() {
    for shape in [[1, 1, 1, 1], [5, 3, 2, 7], [16, 1, 4, 4], [33, 3, 5, 3]] {
        let row = shape[1..].iter().product();
        let batch = Batch::new(&numbers(1, shape[0] * row), shape, vec![0; shape[0]]).unwrap();
        let lanes: Vec<f32> = batch.blocks().iter().flat_map(|block| block.values().to_vec()).collect();
        let mut memory = Memory::default();
        let (blocks, y) = (memory.put(&lanes), memory.rubbish::<f32>(shape[0] * row));
        let ran =
            memory.run(|at| vec![FromLanes { blocks: at.of(blocks), y: at.of(y), len: shape[0] * row, row }.launch()]);
        let Some(()) = ran else { return };
        assert_eq!(memory.get(y), batch.images(), "{shape:?}");
    }
}
