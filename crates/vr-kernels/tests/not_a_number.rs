//! NaN passes through every kernel that compares: a NaN weight must reach the loss and the gradient.

use vr_kernels::{
    Affine, ConvPlan, ConvShape, InputGradient, Isa, LANES, LinearGrad, NormBackward, NormSums, Pool, activate,
    cross_entropy, cross_entropy_backward, elu, elu_backward, relu, relu_backward,
};

const NAN: f32 = f32::NAN;

#[test]
fn activations() {
    for isa in Isa::available() {
        let mut x = vec![1.0; 2 * LANES];
        x[3] = NAN;
        let only_there = |y: &[f32], what: &str| {
            assert!(y.iter().enumerate().all(|(i, v)| v.is_nan() == (i == 3)), "{what} on {}: {y:?}", isa.name());
        };
        let mut out = vec![0.0; x.len()];
        relu(isa, &x, &mut out);
        only_there(&out, "relu");
        let mut dx = vec![0.0; x.len()];
        relu_backward(isa, &x, &vec![2.0; x.len()], &mut dx);
        assert!(dx.iter().all(|&v| v == 2.0), "as in PyTorch the gradient passes: {dx:?}");
        activate(isa, &x, Some(Affine { scale: &[1.0], shift: &[0.5], relu: true }), &mut out);
        only_there(&out, "activate");
        out.copy_from_slice(&x);
        elu(isa, &mut out);
        only_there(&out, "elu");
        dx.fill(1.0);
        elu_backward(isa, &out, &mut dx);
        only_there(&dx, "the gradient of elu");
    }
}

#[test]
fn negative_zero_becomes_zero_as_before() {
    for isa in Isa::available() {
        let x = vec![-0.0; LANES];
        let mut out = vec![NAN; LANES];
        relu(isa, &x, &mut out);
        assert!(out.iter().all(|v| v.to_bits() == 0));
        activate(isa, &x, Some(Affine { scale: &[1.0], shift: &[-0.0], relu: true }), &mut out);
        assert!(out.iter().all(|v| v.to_bits() == 0));
    }
}

/// A channel whose batch norm has become NaN, through every algorithm of a convolution.
#[test]
fn prologues_of_convolutions() {
    for (channels, side, kernel, padding) in [(3, 12, 5, 0), (16, 8, 3, 1), (2, 1, 1, 0)] {
        let shape = ConvShape {
            in_channels: channels,
            out_channels: 16,
            height: side,
            width: side,
            kernel,
            stride: 1,
            padding,
            groups: 1,
        };
        let conv = ConvPlan::new(shape);
        let (mut packed, mut scratch) = (vec![0.0; conv.packed_len()], vec![0.0; conv.scratch_len()]);
        conv.pack_forward(&vec![0.1; shape.weights()], &mut packed);
        let input = vec![1.0; shape.input_len()];
        let (scale, mut shift) = (vec![1.0; channels], vec![0.0; channels]);
        shift[1] = NAN;
        let prologue = Some(Affine { scale: &scale, shift: &shift, relu: true });
        for isa in Isa::available() {
            let mut output = vec![0.0; shape.output_len()];
            conv.forward(isa, &input, prologue, &packed, None, &mut output, &mut scratch);
            assert!(output.iter().all(|v| v.is_nan()), "forward, {shape:?} on {}", isa.name());
            let mut gradient = vec![0.0; shape.weights()];
            conv.weight_grad(isa, &input, prologue, &vec![1.0; output.len()], &mut gradient, &mut scratch);
            for (i, v) in gradient.iter().enumerate() {
                let channel = i / (kernel * kernel) % channels;
                assert_eq!(v.is_nan(), channel == 1, "weight gradient, {shape:?} on {}", isa.name());
            }
        }
    }
}

#[test]
fn prologues_of_linear_layers() {
    let linear = LinearGrad::new(2, 3);
    for isa in Isa::available() {
        let (mut inputs, mut gradients) = (vec![0.0; linear.inputs_len()], vec![0.0; linear.gradients_len()]);
        let prologue = Some(Affine { scale: &[1.0, 1.0], shift: &[0.0, NAN], relu: true });
        linear.pack(isa, &[1.0; 2 * LANES], prologue, &[1.0; 3 * LANES], &mut inputs, &mut gradients);
        for sample in inputs[..2 * LANES].chunks(2) {
            assert!(sample[0] == 1.0 && sample[1].is_nan());
        }
    }
}

/// As in PyTorch NaN is the largest of a window, and the last of several gets the gradient.
#[test]
fn pooling() {
    let pool = Pool { channels: 1, height: 2, width: 4, kernel: [2; 2], stride: [2; 2], padding: [0; 2] };
    let at = |row: usize, column: usize| (row * 4 + column) * LANES;
    for isa in Isa::available() {
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for prologue in [None, Some(Affine { scale: &[1.0], shift: &[0.0], relu: true })] {
                let mut x: Vec<f32> = (0..8 * LANES).map(|i| i as f32).collect();
                x[at(row, column)] = NAN;
                let mut out = vec![0.0; 2 * LANES];
                pool.max(isa, &x, prologue, &mut out);
                assert!(out.iter().enumerate().all(|(i, v)| v.is_nan() == (i == 0)), "{out:?} on {}", isa.name());
                let mut dx = vec![NAN; x.len()];
                pool.max_backward(isa, &x, prologue, &[3.0; 2 * LANES], &mut dx);
                assert_eq!(dx[at(row, column)], 3.0);
                assert_eq!(dx.iter().sum::<f32>(), 3.0 * 2.0 * LANES as f32);
                pool.mean(isa, &x, prologue, &mut out);
                assert!(out.iter().enumerate().all(|(i, v)| v.is_nan() == (i == 0)), "{out:?} on {}", isa.name());
            }
        }
        let mut x = vec![0.0; 8 * LANES];
        (x[at(0, 1)], x[at(1, 0)]) = (NAN, NAN);
        let mut dx = vec![NAN; x.len()];
        pool.max_backward(isa, &x, None, &[3.0; 2 * LANES], &mut dx);
        assert_eq!((dx[at(0, 1)], dx[at(1, 0)]), (0.0, 3.0));
    }
}

#[test]
fn batch_norm_backward() {
    let x = [1.0; LANES];
    for isa in Isa::available() {
        for relu in [false, true] {
            let prologue = Affine { scale: &[NAN], shift: &[0.0], relu };
            let norm = NormBackward { isa, x: &x, prologue, lanes: LANES };
            let mut sums = [NormSums::default()];
            norm.sums(&[2.0; LANES], &[0.0], &[1.0], &mut sums);
            assert_eq!(sums[0].dz, 2.0 * LANES as f64, "the gradient passes");
            let mut dx = [0.0; LANES];
            norm.write(&[2.0; LANES], &[InputGradient::evaluation(NAN)], &mut dx);
            assert!(dx.iter().all(|v| v.is_nan()));
        }
    }
}

#[test]
fn losses() {
    for class in 0..3 {
        let mut logits = vec![0.5; 3 * LANES];
        logits[class * LANES] = NAN;
        let loss = cross_entropy(&logits, &[1; LANES]);
        assert!(loss.losses.iter().enumerate().all(|(lane, loss)| loss.is_nan() == (lane == 0)), "{loss:?}");
        let mut gradient = vec![0.0; logits.len()];
        cross_entropy_backward(&logits, &[1; LANES], 1.0, &mut gradient);
        assert!(gradient.iter().enumerate().all(|(i, v)| v.is_nan() == (i % LANES == 0)), "{gradient:?}");
    }
}
