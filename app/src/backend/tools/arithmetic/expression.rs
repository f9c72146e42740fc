//! A recursive-descent evaluator of arithmetic, bounded in length and depth. It computes while it reads: no tree.
//!
//! Grammar: `sum = product (("+"|"-") product)*`, `product = unary (("*"|"/"|"%") unary)*`,
//! `unary = ("+"|"-") unary | power`, `power = atom ("^" unary)?` (so -2^2 is -4 and 2^3^2 is 512).

/// Characters of an expression.
pub(super) const LENGTH_MAX: usize = 500;
/// How deep parentheses, signs and powers may nest: far from what the stack holds.
const DEPTH_MAX: usize = 64;

/// The value of `text`.
///
/// # Errors
/// A sentence that says what is wrong, and at which character.
pub(super) fn evaluate(text: &str) -> Result<f64, String> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > LENGTH_MAX {
        return Err(format!("The expression is too long: {} characters, and at most {LENGTH_MAX}.", chars.len()));
    }
    let mut reader = Reader { chars, at: 0, depth: 0 };
    let value = reader.sum()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.expected("an operator or the end")),
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value = finite(value + self.product()?)?;
            } else if self.take('-') {
                value = finite(value - self.product()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.unary()?;
        loop {
            if self.take('*') {
                value = finite(value * self.unary()?)?;
            } else if self.take('/') {
                value = finite(value / self.divisor()?)?;
            } else if self.take('%') {
                value = finite(value % self.divisor()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn divisor(&mut self) -> Result<f64, String> {
        let at = self.place();
        let divisor = self.unary()?;
        if divisor == 0.0 { Err(format!("Division by zero at character {at}.")) } else { Ok(divisor) }
    }

    fn unary(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("The expression nests deeper than {DEPTH_MAX} levels."));
        }
        let value = if self.take('-') {
            -self.unary()?
        } else if self.take('+') {
            self.unary()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<f64, String> {
        let base = self.atom()?;
        if !self.take('^') {
            return Ok(base);
        }
        let exponent = self.unary()?;
        if base == 0.0 && exponent < 0.0 {
            return Err("Division by zero: a negative power of 0.".to_owned());
        }
        if base < 0.0 && exponent.fract() != 0.0 {
            return Err("A broken power of a negative number is not a real number.".to_owned());
        }
        finite(base.powf(exponent))
    }

    fn atom(&mut self) -> Result<f64, String> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let value = self.sum()?;
                self.close()?;
                Ok(value)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.function(),
            _ => Err(self.expected("a number, «(» or a function")),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        let (start, place) = (self.at, self.place());
        self.digits();
        if self.chars.get(self.at) == Some(&'.') {
            self.at += 1;
            self.digits();
        }
        if matches!(self.chars.get(self.at), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.chars.get(self.at + 1), Some('+' | '-')));
            if self.chars.get(self.at + 1 + sign).is_some_and(char::is_ascii_digit) {
                self.at += 1 + sign;
                self.digits();
            }
        }
        let text: String = self.chars[start..self.at].iter().collect();
        let value = text.parse().map_err(|_| format!("At character {place}: «{text}» is not a number."))?;
        finite(value)
    }

    fn digits(&mut self) {
        while self.chars.get(self.at).is_some_and(char::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn function(&mut self) -> Result<f64, String> {
        let (start, place) = (self.at, self.place());
        while self.chars.get(self.at).is_some_and(char::is_ascii_alphanumeric) {
            self.at += 1;
        }
        let name = self.chars[start..self.at].iter().collect::<String>().to_ascii_lowercase();
        if !matches!(name.as_str(), "sqrt" | "abs" | "round" | "min" | "max") {
            return Err(format!(
                "At character {place}: there is no function «{name}»; there are sqrt, abs, round, min and max."
            ));
        }
        if !self.take('(') {
            return Err(self.expected(&format!("«(» after {name}")));
        }
        let mut arguments = vec![self.sum()?];
        while self.take(',') {
            arguments.push(self.sum()?);
        }
        self.close()?;
        apply(&name, &arguments)
    }

    fn close(&mut self) -> Result<(), String> {
        if self.take(')') { Ok(()) } else { Err(self.expected("«)»")) }
    }

    /// The next character that is not blank; typographic signs read as the plain ones.
    fn peek(&mut self) -> Option<char> {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.chars.get(self.at).map(|c| match c {
            '×' | '·' => '*',
            '÷' => '/',
            '−' => '-',
            other => *other,
        })
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// The place of the next character, counted from 1.
    fn place(&mut self) -> usize {
        self.peek();
        self.at + 1
    }

    fn expected(&mut self, what: &str) -> String {
        match self.peek() {
            Some(c) => format!("At character {}: expected {what}, found «{}».", self.at + 1, c.escape_debug()),
            None => format!("The expression ends where {what} is expected."),
        }
    }
}

fn apply(name: &str, arguments: &[f64]) -> Result<f64, String> {
    match (name, arguments) {
        ("sqrt", [x]) if *x < 0.0 => Err("The square root of a negative number is not a real number.".to_owned()),
        ("sqrt", [x]) => Ok(x.sqrt()),
        ("abs", [x]) => Ok(x.abs()),
        ("round", [x]) => Ok(x.round()),
        ("round", [x, digits]) => round_to(*x, *digits),
        ("min", many) => Ok(many.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max", many) => Ok(many.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        (_, many) => Err(format!("{name} does not take {} arguments.", many.len())),
    }
}

fn round_to(x: f64, digits: f64) -> Result<f64, String> {
    if digits.fract() != 0.0 || !(0.0..=15.0).contains(&digits) {
        return Err("The digits of round(x, digits) are a whole number from 0 to 15.".to_owned());
    }
    let scale = 10_f64.powf(digits);
    // A number so large that scaling it overflows has no digits behind the point to round.
    let scaled = x * scale;
    Ok(if scaled.is_finite() { scaled.round() / scale } else { x })
}

fn finite(value: f64) -> Result<f64, String> {
    if value.is_finite() { Ok(value) } else { Err("The result is too large to be a number.".to_owned()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn computes_with_the_usual_precedence() {
        for (text, value) in [
            ("2+40", 42.0),
            ("2 + 3 * 4", 14.0),
            ("(2+3)*4", 20.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("2^3^2", 512.0),
            ("7 % 4", 3.0),
            ("-7 % 4", -3.0),
            ("10 - 4 - 3", 3.0),
            ("2 × 8 ÷ 4 − 1", 3.0),
            ("--1", 1.0),
            (".5 + 1.", 1.5),
            ("1e3", 1000.0),
            ("2.5E-1", 0.25),
            ("SQRT(16)", 4.0),
            ("max(1, 2, min(9, 3))", 3.0),
            ("round(2.5)", 3.0),
            ("round(2.345, 1)", 2.3),
            ("round(1e300, 15)", 1e300),
            ("abs(-3) * (1)", 3.0),
        ] {
            assert_eq!(evaluate(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (text, words) in [
            ("", "ends where a number"),
            ("1 +", "ends where a number"),
            ("1 + * 2", "At character 5: expected a number, «(» or a function, found «*»"),
            ("(1", "ends where «)»"),
            ("1)", "At character 2: expected an operator or the end, found «)»"),
            ("1 2", "At character 3"),
            ("1 / 0", "Division by zero at character 5"),
            ("1 % (2-2)", "Division by zero"),
            ("0 ^ -1", "Division by zero"),
            ("10^400", "too large"),
            ("1e999", "too large"),
            ("sqrt(-1)", "not a real number"),
            ("(-8)^0.5", "not a real number"),
            ("system(1)", "no function «system»; there are sqrt"),
            ("sqrt 4", "«(» after sqrt"),
            ("sqrt(1, 2)", "sqrt does not take 2 arguments"),
            ("round(1, 0.5)", "whole number from 0 to 15"),
            (".", "«.» is not a number"),
            ("2 + é", "found «é»"),
        ] {
            let told = evaluate(text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
    }

    #[test]
    fn bounds_length_and_depth() {
        assert!(evaluate(&"1+".repeat(400)).unwrap_err().contains("too long"));
        for deep in ["(".repeat(400), "-".repeat(400), "2^".repeat(200), "abs(".repeat(100)] {
            assert!(evaluate(&deep).unwrap_err().contains("deeper than 64"), "{deep}");
        }
        assert_eq!(evaluate(&format!("{}1{}", "(".repeat(60), ")".repeat(60))), Ok(1.0));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[-+*/%^()., 0-9a-zé]{0,80}") {
            if let Ok(value) = evaluate(&text) {
                proptest::prop_assert!(value.is_finite());
            }
        }

        #[test]
        fn agrees_with_the_machine(a in -1e6_f64..1e6, b in 1_f64..1e6) {
            proptest::prop_assert_eq!(evaluate(&format!("({a}) * ({b}) - ({a}) / ({b})")), Ok(a * b - a / b));
        }
    }
}
