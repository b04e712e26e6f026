//! `[[district]]`: names only; a call of a district that is not listed is taken like any other.

use super::District;
use super::check::{Checked, name, unique, wrong};

/// All of them go to a client in one reply, with all their tehsils.
const DISTRICTS_MAX: usize = 256;
const TEHSILS_MAX: usize = 2_048;

pub(super) fn check(districts: &[District]) -> Checked<()> {
    unique("district", districts.iter().map(|district| &*district.name))?;
    if districts.len() > DISTRICTS_MAX {
        return wrong("district", format!("there are more than {DISTRICTS_MAX}"));
    }
    if districts.iter().map(|district| district.tehsils.len()).sum::<usize>() > TEHSILS_MAX {
        return wrong("district", format!("have more than {TEHSILS_MAX} tehsils together"));
    }
    for district in districts {
        name("district.name", &district.name)?;
        let key = format!("district {:?}.tehsils", district.name);
        unique(&key, district.tehsils.iter().map(|tehsil| &**tehsil))?;
        for tehsil in &district.tehsils {
            name(&key, tehsil)?;
        }
    }
    Ok(())
}
