//! Made-up results to draw in tests.

/// Draws a PNG, and writes it into the folder named by `VR_FIGURE_PREVIEW`, where that is set, to be looked at.
#[cfg(test)]
pub(super) fn preview(name: &str, svg: &str) {
    #[cfg(feature = "png")]
    {
        let picture = super::png::png(svg, 1.0).unwrap();
        if let Ok(folder) = std::env::var("VR_FIGURE_PREVIEW") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }
    #[cfg(not(feature = "png"))]
    let _ = (name, svg);
}

/// Made-up measurements: two seeds, the epochs 2, 10, 20, … and the published percentages.
pub(crate) fn sample_points(method: &str, last: u16) -> Vec<crate::results::Point> {
    let mut points = Vec::new();
    for epoch in std::iter::once(2).chain((10..=last).step_by(10)) {
        for percent in [2.0, 11.0, 33.0, 100.0f64] {
            for seed in [1u8, 2] {
                let wave = (f64::from(epoch) * 1.7 + percent + f64::from(seed)).sin() * 0.25;
                let ratio = (percent / 100.0).sqrt() * (wave - f64::from(epoch / 150)).exp();
                points.push(crate::results::Point {
                    model: "lenet".to_owned(),
                    method: method.to_owned(),
                    seed: seed.into(),
                    epoch: epoch.into(),
                    percent,
                    squared_gradient: Some(0.01 * f64::from(epoch)),
                    sgd_variance: 2.0,
                    estimator_error: 2.0 * ratio,
                    ratio: Some(ratio),
                    squared_bias: 1e-12,
                    correlation: Some(0.5),
                    optimal_coefficient: None,
                    coefficient: None,
                });
            }
        }
    }
    points
}

/// Made-up epochs with an error that falls towards `factor` times six percent.
pub(crate) fn sample_rows(method: &str, last: u16, factor: f64) -> Vec<crate::results::EpochRow> {
    let row = |epoch: u16| crate::results::EpochRow {
        method: method.to_owned(),
        policy: None,
        seed: 1,
        epoch: epoch.into(),
        train_loss: 0.1,
        test_loss: factor * (0.3 + 2.0 / f64::from(epoch)),
        test_error: factor * (6.0 + 40.0 / f64::from(epoch)),
        test_error_top5: None,
        validation_loss: None,
        validation_error: None,
        gradient_evaluations: u64::from(epoch) * 60_000,
    };
    (1..=last).map(row).collect()
}
