//! `--key-distribution`: which keys records get.

use rand::Rng;

/// Numbers from 0 as keys.
#[derive(Clone, Debug)]
pub enum Keys {
    None,
    /// Each of so many keys as often as the others.
    Uniform(u64),
    /// Zipf's law with exponent 1: the n-th key has 1/n of the first one's records. The sums of the shares up to each key.
    Zipf(Vec<f64>),
}

/// The most keys of Zipf's law, which are kept in a table.
const MOST_ZIPF: u64 = 1_000_000;

impl Keys {
    /// # Errors
    /// What may stand there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |n: &str| n.parse::<u64>().ok().filter(|&n| n > 0);
        let wrong = || Err("none, uniform:N or zipf:N".to_owned());
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            Some(("uniform", n)) => number(n).map_or_else(wrong, |n| Ok(Self::Uniform(n))),
            Some(("zipf", n)) => match number(n) {
                Some(n) if n <= MOST_ZIPF => Ok(Self::Zipf(sums(n))),
                Some(_) => Err(format!("at most {MOST_ZIPF} keys")),
                None => wrong(),
            },
            _ => wrong(),
        }
    }

    /// The next record's key; 0 where there are none.
    pub fn next(&self, random: &mut impl Rng) -> u64 {
        match self {
            Self::None => 0,
            Self::Uniform(n) => random.random_range(0..*n),
            Self::Zipf(sums) => {
                let at = random.random::<f64>() * sums.last().copied().unwrap_or(1.0);
                sums.partition_point(|sum| *sum <= at) as u64
            }
        }
    }
}

fn sums(n: u64) -> Vec<f64> {
    let mut sum = 0.0;
    let mut next = |rank: u64| {
        #[allow(clippy::cast_precision_loss)] // at most a million
        let share = 1.0 / rank as f64;
        sum += share;
        sum
    };
    (1..=n).map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn counts(text: &str, keys: usize) -> Vec<u32> {
        let mut random = SmallRng::seed_from_u64(1);
        let distribution = Keys::parse(text).expect(text);
        let mut counts = vec![0; keys];
        for _ in 0..100_000 {
            counts[usize::try_from(distribution.next(&mut random)).expect("small")] += 1;
        }
        counts
    }

    #[test]
    fn keys_come_as_often_as_the_law_says() {
        let even = counts("uniform:10", 10);
        assert!(even.iter().all(|n| (9000..11_000).contains(n)), "{even:?}");
        let zipf = counts("zipf:10", 10);
        // 1 + 1/2 + ... + 1/10 = 2.929: the first key has 34 % of all, the tenth 3.4 %
        assert!(
            (33_000..35_500).contains(&zipf[0]) && (3000..3900).contains(&zipf[9]),
            "{zipf:?}"
        );
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in ["", "uniform", "uniform:0", "zipf:x", "zipf:1000001", "some:3"] {
            assert!(Keys::parse(text).is_err(), "{text}");
        }
    }
}
