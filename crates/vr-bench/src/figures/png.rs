//! Turns the SVG of a figure into PNG, with the one font that is bundled, so that every machine draws the same.

use super::FigureError;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");
const FAMILY: &str = "DejaVu Sans";

/// The PNG of an SVG on white, with `scale` pixels to an SVG unit.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, FigureError> {
    pixels(svg, scale, fonts())?.encode_png().map_err(|error| FigureError::Png(error.to_string()))
}

fn fonts() -> fontdb::Database {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    fonts
}

fn pixels(svg: &str, scale: f32, fonts: fontdb::Database) -> Result<Pixmap, FigureError> {
    let options = Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| FigureError::Svg(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(scale);
    let size = size.ok_or_else(|| FigureError::Svg(format!("no size at scale {scale}")))?;
    let mut picture = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| FigureError::Svg(format!("too large: {} × {}", size.width(), size.height())))?;
    picture.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::bn_reset::bn_reset;
    use crate::figures::render::sample_rows;

    fn svg() -> String {
        bn_reset("α ≤ √μ − 3 %", &sample_rows("SGD", 5, 1.0)).unwrap()
    }

    #[test]
    fn the_picture_has_the_size_and_is_not_blank() {
        let picture = Pixmap::decode_png(&png(&svg(), 0.5).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (990, 442));
        assert!(picture.pixels().iter().filter(|pixel| pixel.red() < 128).count() > 1000);
    }

    #[test]
    fn the_bundled_font_draws_the_text() {
        let with = pixels(&svg(), 0.5, fonts()).unwrap();
        let without = pixels(&svg(), 0.5, fontdb::Database::new()).unwrap();
        let title = |picture: &Pixmap| {
            let dark = |y, x| picture.pixel(x, y).is_some_and(|pixel| pixel.red() < 128);
            (0..40).map(|y| (0..400).filter(|&x| dark(y, x)).count()).sum::<usize>()
        };
        assert_eq!(title(&without), 0);
        assert!(title(&with) > 200);
    }

    #[test]
    fn the_font_has_the_symbols() {
        let drawn = |text: &str| {
            let text = format!("<text x='5' y='40' font-size='30'>{text}</text>");
            let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' width='60' height='60'>{text}</svg>");
            pixels(&svg, 1.0, fonts()).unwrap().data().to_vec()
        };
        assert_eq!(fonts().faces().next().unwrap().families[0].0, FAMILY);
        let missing = drawn("\u{e000}");
        let blank = drawn(" ");
        for letter in "−√≤≥‖μα%×≈∇∥²".chars().map(String::from) {
            assert!(drawn(&letter) != missing && drawn(&letter) != blank, "{letter}");
        }
        assert_ne!(drawn("x\u{303}"), drawn("x"));
    }

    #[test]
    fn what_is_not_svg_is_an_error() {
        assert!(matches!(png("hello", 1.0), Err(FigureError::Svg(_))));
        assert!(matches!(png(&svg(), 0.0), Err(FigureError::Svg(_))));
    }
}
