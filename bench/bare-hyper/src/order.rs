//! The rules that `bench/project/lib/answers.mjs` writes in zod, by hand.

use serde_json::{Value, json};

const CUSTOMER_LENGTH_MAX: usize = 64;
const NOTE_LENGTH_MAX: usize = 500;
const ITEMS_MAX: usize = 100;
const QUANTITY_MAX: u64 = 1000;

/// The answer to a valid order, or the fields that are wrong.
pub(crate) fn total(input: &Value) -> Result<Value, Vec<String>> {
    let mut wrong = Vec::new();
    let customer =
        input["customer"].as_str().filter(|name| has_length(name, 1, CUSTOMER_LENGTH_MAX));
    if customer.is_none() {
        wrong.push("customer".to_owned());
    }
    let currency = input["currency"].as_str().filter(|code| ["EUR", "USD", "BAM"].contains(code));
    if currency.is_none() {
        wrong.push("currency".to_owned());
    }
    let items = input["items"].as_array().filter(|items| (1..=ITEMS_MAX).contains(&items.len()));
    if items.is_none() {
        wrong.push("items".to_owned());
    }
    let mut total_minor = 0;
    for (index, item) in items.into_iter().flatten().enumerate() {
        total_minor += line_minor(index, item, &mut wrong);
    }
    let note = &input["note"];
    if !note.is_null() && !note.as_str().is_some_and(|note| has_length(note, 0, NOTE_LENGTH_MAX)) {
        wrong.push("note".to_owned());
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let lines = items.map_or(0, Vec::len);
    Ok(json!({
        "customer": customer, "currency": currency, "lines": lines, "totalMinor": total_minor
    }))
}

/// The price of one line; what is wrong with it is added to `wrong`.
fn line_minor(index: usize, item: &Value, wrong: &mut Vec<String>) -> u64 {
    let quantity = item["quantity"].as_u64().filter(|count| (1..=QUANTITY_MAX).contains(count));
    let price_minor = item["priceMinor"].as_u64();
    let checks = [
        ("sku", item["sku"].as_str().is_some_and(is_sku)),
        ("quantity", quantity.is_some()),
        ("priceMinor", price_minor.is_some()),
    ];
    for (field, _) in checks.iter().filter(|(_, fine)| !fine) {
        wrong.push(format!("items.{index}.{field}"));
    }
    quantity.unwrap_or_default().saturating_mul(price_minor.unwrap_or_default())
}

fn is_sku(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 7
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2] == b'-'
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

fn has_length(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.encode_utf16().count())
}
