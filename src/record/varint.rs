//! Variable-length integers, zig-zag and plain (Kafka: `ByteUtils`).

use super::RecordError;

fn too_long(value: u64, most: usize) -> RecordError {
    RecordError::Invalid(if most == 5 {
        format!(
            "Varint is too long, the most significant bit in the 5th byte is set, converted value: {:x}",
            value as u32
        )
    } else {
        format!("Varlong is too long, most significant bit in the 10th byte is set, converted value: {value:x}")
    })
}

fn ended() -> RecordError {
    RecordError::Invalid("Incorrect declared batch size, premature EOF reached".into())
}

/// Reads a plain varint of at most 32 bits and moves `bytes` past it.
pub fn read_unsigned(bytes: &mut &[u8]) -> Result<u32, RecordError> {
    let value = read_unsigned_long(bytes, 5)?;
    Ok(value as u32)
}

/// Reads a zig-zag varint of 32 bits and moves `bytes` past it.
#[inline(always)]
pub fn read(bytes: &mut &[u8]) -> Result<i32, RecordError> {
    let raw = match short(bytes) {
        Some(raw) => raw,
        None => read_unsigned(bytes)?,
    };
    Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

/// Reads a zig-zag varint of 64 bits and moves `bytes` past it.
#[inline(always)]
pub fn read_long(bytes: &mut &[u8]) -> Result<i64, RecordError> {
    let raw = match short(bytes) {
        Some(raw) => u64::from(raw),
        None => read_unsigned_long(bytes, 10)?,
    };
    Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

/// Reads a varint of one or two bytes, as nearly all of a record's are; leaves any other where it is.
#[inline(always)]
fn short(bytes: &mut &[u8]) -> Option<u32> {
    match **bytes {
        [first, ref rest @ ..] if first < 0x80 => {
            *bytes = rest;
            Some(u32::from(first))
        }
        [first, second, ref rest @ ..] if second < 0x80 => {
            *bytes = rest;
            Some(u32::from(first & 0x7f) | u32::from(second) << 7)
        }
        _ => None,
    }
}

#[cold]
fn read_unsigned_long(bytes: &mut &[u8], most: usize) -> Result<u64, RecordError> {
    let mut value = 0u64;
    for i in 0..most {
        let (&byte, rest) = bytes.split_first().ok_or_else(ended)?;
        *bytes = rest;
        // The bits of the last byte that do not fit are lost, in Java too.
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(too_long(value, most))
}

/// Appends a plain varint.
pub fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a zig-zag varint of 32 bits.
pub fn write(out: &mut Vec<u8>, value: i32) {
    write_unsigned(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// Appends a zig-zag varint of 64 bits.
pub fn write_long(out: &mut Vec<u8>, value: i64) {
    write_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Bytes that [`write_long`] takes for `value`.
pub fn size_of_long(value: i64) -> usize {
    let raw = ((value << 1) ^ (value >> 63)) as u64;
    (64 - (raw | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes that [`write`] takes for `value`.
pub fn size_of(value: i32) -> usize {
    size_of_long(i64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_boundary_survives_a_round_trip() {
        for shift in 0..64 {
            for value in [
                1i64 << shift,
                (1i64 << shift).wrapping_sub(1),
                (1i64 << shift).wrapping_neg(),
                i64::MAX,
                i64::MIN,
            ] {
                let mut out = Vec::new();
                write_long(&mut out, value);
                assert_eq!(out.len(), size_of_long(value), "{value}");
                assert_eq!(read_long(&mut &out[..]), Ok(value));
                let mut out = Vec::new();
                write(&mut out, value as i32);
                assert_eq!(out.len(), size_of(value as i32));
                assert_eq!(read(&mut &out[..]), Ok(value as i32));
            }
        }
    }

    #[test]
    fn overlong_and_cut_varints_are_errors() {
        assert!(read(&mut &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01][..]).is_err());
        assert!(read_long(&mut &[0xff; 11][..]).is_err());
        assert!(read(&mut &[0x80][..]).is_err());
        assert!(read(&mut &[][..]).is_err());
    }
}
