//! Matrix products as plain loops.

/// `c ← op(a)·op(b)`, or `c ← c + op(a)·op(b)`, for m×n elements of c and sums of k, row-major; a `transposed` factor is stored as its transpose.
pub fn product(
    [m, n, k]: [usize; 3],
    [a_transposed, b_transposed]: [bool; 2],
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    add: bool,
) {
    for i in 0..m {
        for j in 0..n {
            let left = |l: usize| if a_transposed { a[l * m + i] } else { a[i * k + l] };
            let right = |l: usize| if b_transposed { b[j * k + l] } else { b[l * n + j] };
            let sum = (0..k).map(|l| f64::from(left(l)) * f64::from(right(l))).sum::<f64>() as f32;
            c[i * n + j] = if add { c[i * n + j] + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_ways_to_store_the_factors() {
        // [1 2 3; 4 5 6]·[1 0; 2 1; 0 3]
        let (a, a_transposed) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let (b, b_transposed) = ([1.0, 0.0, 2.0, 1.0, 0.0, 3.0], [1.0, 2.0, 0.0, 0.0, 1.0, 3.0]);
        for (transposed_a, a) in [(false, a), (true, a_transposed)] {
            for (transposed_b, b) in [(false, b), (true, b_transposed)] {
                let mut c = [f32::NAN; 4];
                product([2, 2, 3], [transposed_a, transposed_b], &a, &b, &mut c, false);
                assert_eq!(c, [5.0, 11.0, 14.0, 23.0]);
                product([2, 2, 3], [transposed_a, transposed_b], &a, &b, &mut c, true);
                assert_eq!(c, [10.0, 22.0, 28.0, 46.0]);
            }
        }
    }
}
