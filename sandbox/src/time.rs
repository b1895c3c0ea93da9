//! Time, in milliseconds, and how it is written.

/// Milliseconds: a duration, or the time since 1970.
pub type Ms = f64;

/// A time as `Date.prototype.toISOString` writes it.
pub fn iso(at: Ms) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    let ms = at as i64;
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, ms) = (of_day / 1000, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A time as HTTP's header `Date` has it, without its milliseconds.
pub fn http_date(at: Ms) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    let seconds = (at / 1000.0).floor() as i64;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let named =
        |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default();
    let (weekday, month) = (named(&DAYS, days.rem_euclid(7)), named(&MONTHS, month.saturating_sub(1)));
    format!("{weekday}, {day:02} {month} {year} {:02}:{:02}:{:02} GMT", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The date of a day, counted from 1970-01-01 (Howard Hinnant's algorithm).
#[expect(clippy::arithmetic_side_effects, reason = "days are milliseconds divided by 86,400,000: far from any limit")]
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_javascript_writes_them() {
        let cases = [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (1_795_711_985_923.4, "2026-11-26T16:53:05.923Z"),
            (1_709_164_799_999.0, "2024-02-28T23:59:59.999Z"),
            (1_709_164_800_000.0, "2024-02-29T00:00:00.000Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
        ];
        for (at, text) in cases {
            assert_eq!(iso(at), text);
        }
    }

    #[test]
    fn dates_are_written_as_http_writes_them() {
        let cases = [
            (0.0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_795_711_985_923.4, "Thu, 26 Nov 2026 16:53:05 GMT"),
            (1_709_164_799_999.0, "Wed, 28 Feb 2024 23:59:59 GMT"),
            (1_709_164_800_000.0, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (249_999_999_999_999.0, "Tue, 08 Mar 9892 12:26:39 GMT"),
        ];
        for (at, text) in cases {
            assert_eq!(http_date(at), text);
        }
    }
}
