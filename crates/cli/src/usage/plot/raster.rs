use font8x8::{BASIC_FONTS, UnicodeFonts};

/// A picture of dots, with just what bars need.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    dots: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { width, height, dots: vec![0xff; width as usize * height as usize * 3] }
    }

    pub(super) fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: [u8; 3]) {
        for y in y..(y + height).min(self.height) {
            for x in x..(x + width).min(self.width) {
                let place = (y as usize * self.width as usize + x as usize) * 3;
                if let Some(dot) = self.dots.get_mut(place..place + 3) {
                    dot.copy_from_slice(&colour);
                }
            }
        }
    }

    /// Writes from a place on.
    pub(super) fn text(&mut self, x: u32, y: u32, text: &str, colour: [u8; 3]) {
        for (place, letter) in (0_u32..).zip(text.chars()) {
            let Some(rows) = BASIC_FONTS.get(letter) else { continue };
            for (down, row) in (0_u32..).zip(rows) {
                for right in (0_u32..8).filter(|right| row & (1 << right) != 0) {
                    self.fill(x + place * 8 + right, y + down, 1, 1, colour);
                }
            }
        }
    }

    /// Writes up to a place.
    pub(super) fn text_before(&mut self, x: u32, y: u32, text: &str, colour: [u8; 3]) {
        self.text(x.saturating_sub(width(text)), y, text, colour);
    }

    /// Writes around a place.
    pub(super) fn text_around(&mut self, x: u32, y: u32, text: &str, colour: [u8; 3]) {
        self.text(x.saturating_sub(width(text) / 2), y, text, colour);
    }

    pub(super) fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        // Writing to memory cannot fail.
        if let Ok(mut writer) = encoder.write_header() {
            let _ = writer.write_image_data(&self.dots);
        }
        bytes
    }
}

fn width(text: &str) -> u32 {
    u32::try_from(text.chars().count() * 8).unwrap_or(u32::MAX)
}
