//! Part of a frame as a frame.

use super::frame::FrameMut;

impl FrameMut<'_> {
    /// What lies right of a column, that column included, as a frame of its own that shares the pixels. It begins with the
    /// next whole chroma sample where the column has none of its own; `None` where nothing is left.
    pub fn right_of(&mut self, column: usize) -> Option<FrameMut<'_>> {
        let layout = self.format.layout();
        let first = column.next_multiple_of(layout.span.0);
        let width = self.width.checked_sub(first).filter(|w| *w > 0)?;
        let known = layout.planes();
        let mut plane = 0;
        let planes = self.planes.each_mut().map(|(bytes, stride)| {
            // All components of a plane agree on where a pixel with a chroma sample of its own begins.
            let begin = layout.in_plane(plane).next().map_or(0, |(c, component)| {
                first / layout.span_of(c).0 * component.step * layout.sample.bytes()
            });
            plane += 1;
            let begin = if plane <= known { begin } else { 0 };
            (bytes.get_mut(begin..).unwrap_or_default(), *stride)
        });
        Some(FrameMut {
            format: self.format,
            width,
            height: self.height,
            colorimetry: self.colorimetry,
            planes,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::video::testing::{COLORIMETRIES, Owned};
    use crate::video::{ColourModel, PixelFormat};

    #[test]
    fn pixels_are_those_of_the_frame() {
        for &format in PixelFormat::ALL {
            let layout = format.layout();
            for column in [4, 5, 8] {
                let mut frame = Owned::noise(format, 13, 7, COLORIMETRIES[0], 3, false);
                let before = frame.clone();
                let mut whole = frame.as_mut();
                let right = whole.right_of(column).unwrap();
                let first = 13 - right.width();
                assert!(
                    first >= column && first < column + layout.span.0,
                    "{format}"
                );
                let right = right.as_ref();
                for plane in 0..layout.planes() {
                    for y in 0..layout.plane_size(plane, 13, 7).1 {
                        let all = before.as_ref();
                        let (all, part) = (all.row(plane, y), right.row(plane, y));
                        assert!(all.ends_with(part), "{format}, row {y} of plane {plane}");
                        // What is cut off is what belongs to the columns before.
                        let mut cut = layout.in_plane(plane).map(|(c, component)| {
                            first / layout.span_of(c).0 * component.step * layout.sample.bytes()
                        });
                        assert!(cut.all(|cut| all.len() - part.len() == cut));
                    }
                }
                assert!(layout.model != ColourModel::Grey || first == column);
            }
            let mut frame = Owned::noise(format, 13, 7, COLORIMETRIES[0], 0, false);
            assert!(frame.as_mut().right_of(13).is_none());
        }
    }
}
