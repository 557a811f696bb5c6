//! Pictures for `docs/benchmarks.md`: panels with points and lines, as SVG.

use std::fmt::{self, Write as _};

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 320.0;
/// Left, right, top, bottom of a panel's plot.
const MARGIN: (f64, f64, f64, f64) = (58.0, 14.0, 36.0, 44.0);
/// How many panels stand side by side.
const COLUMNS: usize = 2;

/// The colour of what we are measured beside.
pub(super) const THEIRS: &str = "#57606a";
/// The colour of ours.
pub(super) const OURS: &str = "#d1480f";
/// Another colour of ours.
pub(super) const OURS_TOO: &str = "#0969da";

/// A scale of numbers from low to high.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) logarithmic: bool,
}

/// Points of one colour.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) colour: &'static str,
    /// Joined by a line, and each with its value beside it.
    pub(super) joined: bool,
    pub(super) points: Vec<(f64, f64)>,
}

/// One plot.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

/// Draws panels, two in a row, with one legend each.
pub(super) fn draw(panels: &[Panel]) -> Result<String, fmt::Error> {
    #[expect(clippy::cast_precision_loss, reason = "a few panels")]
    let rows = panels.len().div_ceil(COLUMNS) as f64;
    let (width, height) = (WIDTH * 2.0, HEIGHT * rows);
    let mut svg = String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12" fill="#24292f">"##
    )?;
    writeln!(svg, r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##)?;
    for (number, panel) in panels.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few panels")]
        let (column, row) = ((number % COLUMNS) as f64, (number / COLUMNS) as f64);
        writeln!(svg, r#"<g transform="translate({},{})">"#, column * WIDTH, row * HEIGHT)?;
        panel.draw(&mut svg)?;
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// From numbers to places along one axis.
struct Scale {
    axis: Axis,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(axis: Axis, values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
        let (low, high) = match axis.logarithmic {
            true => (low / 1.3, high * 1.3),
            false => (0.0, high * 1.03),
        };
        Self { axis, low, high, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let part = match self.axis.logarithmic {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + part * (self.to - self.from)
    }

    /// Where a line and a number stand.
    fn marks(&self) -> Vec<f64> {
        let mut marks = Vec::new();
        if self.axis.logarithmic {
            let steps: &[f64] = if self.high / self.low > 200.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
            let mut decade = 10f64.powf(self.low.log10().floor());
            while decade <= self.high {
                marks.extend(steps.iter().map(|step| decade * step).filter(|v| (self.low..=self.high).contains(v)));
                decade *= 10.0;
            }
        } else {
            let step = 10f64.powf((self.high / 2.0).log10().floor());
            let mut mark = 0.0;
            while mark <= self.high {
                marks.push(mark);
                mark += step;
            }
        }
        marks
    }
}

impl Panel {
    fn draw(&self, svg: &mut String) -> fmt::Result {
        let (left, right, top, bottom) = (MARGIN.0, WIDTH - MARGIN.1, MARGIN.2, HEIGHT - MARGIN.3);
        let points = self.series.iter().flat_map(|s| s.points.iter().copied());
        let x = Scale::new(self.x, points.clone().map(|p| p.0), left, right);
        let y = Scale::new(self.y, points.map(|p| p.1), bottom, top);
        writeln!(svg, r#"<text x="{left}" y="20" font-size="14" font-weight="bold">{}</text>"#, self.title)?;
        for mark in y.marks() {
            let at = y.place(mark);
            writeln!(svg, r##"<line x1="{left}" x2="{right}" y1="{at:.1}" y2="{at:.1}" stroke="#d8dee4"/>"##)?;
            writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#, left - 6.0, at + 4.0, number(mark))?;
        }
        for mark in x.marks() {
            let at = x.place(mark);
            writeln!(svg, r#"<text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"#, bottom + 16.0, number(mark))?;
        }
        writeln!(svg, r##"<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#57606a"/>"##)?;
        let middle = left.midpoint(right);
        writeln!(svg, r#"<text x="{middle}" y="{}" text-anchor="middle">{}</text>"#, bottom + 34.0, self.x.label)?;
        let middle = top.midpoint(bottom);
        writeln!(
            svg,
            r#"<text transform="translate(14,{middle}) rotate(-90)" text-anchor="middle">{}</text>"#,
            self.y.label
        )?;
        let mut legend = right;
        for series in self.series.iter().rev() {
            series.draw(svg, &x, &y)?;
            writeln!(
                svg,
                r#"<text x="{legend}" y="20" text-anchor="end" font-weight="bold" fill="{}">{}</text>"#,
                series.colour, series.name
            )?;
            #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
            let wide = series.name.len() as f64 * 7.0 + 14.0;
            legend -= wide;
        }
        Ok(())
    }
}

impl Series {
    fn draw(&self, svg: &mut String, x: &Scale, y: &Scale) -> fmt::Result {
        let places: Vec<(f64, f64)> = self.points.iter().map(|(px, py)| (x.place(*px), y.place(*py))).collect();
        let radius = if self.joined { 3.5 } else { 1.8 };
        if self.joined {
            let path: Vec<String> = places.iter().map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
            let path = path.join(" ");
            writeln!(svg, r#"<polyline points="{path}" fill="none" stroke="{}" stroke-width="1.5"/>"#, self.colour)?;
        }
        for ((px, py), (_, value)) in places.iter().zip(&self.points) {
            writeln!(svg, r#"<circle cx="{px:.1}" cy="{py:.1}" r="{radius}" fill="{}"/>"#, self.colour)?;
            if self.joined {
                let at = py - 8.0;
                writeln!(
                    svg,
                    r#"<text x="{px:.1}" y="{at:.1}" text-anchor="middle" font-size="11" fill="{}">{}</text>"#,
                    self.colour,
                    number(*value)
                )?;
            }
        }
        Ok(())
    }
}

/// A number as short as it can be understood.
fn number(value: f64) -> String {
    match value {
        v if v >= 10.0 || v.fract() == 0.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_and_end_where_the_plot_does() {
        let axis = Axis { label: "", logarithmic: true };
        let scale = Scale::new(axis, [1.3, 1300.0 / 1.3].into_iter(), 0.0, 100.0);
        assert!(scale.place(1.0).abs() < 1e-9);
        assert!((scale.place(1300.0) - 100.0).abs() < 1e-9);
        assert_eq!(scale.marks(), [1.0, 10.0, 100.0, 1000.0]);
        let linear = Scale::new(Axis { label: "", logarithmic: false }, [400.0].into_iter(), 0.0, 1.0);
        assert_eq!(linear.marks(), [0.0, 100.0, 200.0, 300.0, 400.0]);
    }

    #[test]
    fn a_drawing_is_whole() {
        let axis = Axis { label: "size", logarithmic: true };
        let series = Series { name: "ours", colour: "#000", joined: true, points: vec![(1.0, 2.0), (10.0, 20.0)] };
        let panel = Panel { title: "growth".into(), x: axis, y: axis, series: vec![series] };
        let svg = draw(&[panel.clone(), panel.clone(), panel]).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
