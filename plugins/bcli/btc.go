package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// btcDecimals is the number of decimal places of a bitcoin.
const btcDecimals = 8

// satoshis reads an amount in bitcoin, as servers write it (0.00001, 1e-05), without a float in
// between. What is finer than a satoshi is rounded up.
func satoshis(n json.Number) (uint64, error) {
	text := string(n)
	if text == "" || len(text) > 40 {
		return 0, fmt.Errorf("%.40q is no amount in bitcoin", text)
	}
	mantissa, exponent, err := splitExponent(text)
	if err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" {
		return 0, fmt.Errorf("%q is no amount in bitcoin", text)
	}
	digits := whole + fraction
	if shift := exponent + btcDecimals - len(fraction); shift >= 0 {
		digits += strings.Repeat("0", shift)
	} else {
		return roundUp(text, digits, -shift)
	}
	return parseDigits(text, digits)
}

func splitExponent(text string) (string, int, error) {
	mantissa, after, ok := strings.Cut(strings.ToLower(text), "e")
	if !ok {
		return mantissa, 0, nil
	}
	exponent, err := strconv.Atoi(after)
	if err != nil || exponent < -30 || exponent > 30 {
		return "", 0, fmt.Errorf("%q is no amount in bitcoin", text)
	}
	return mantissa, exponent, nil
}

// roundUp drops the last digits.
func roundUp(text, digits string, drop int) (uint64, error) {
	keep := max(len(digits)-drop, 0)
	sats, err := parseDigits(text, "0"+digits[:keep])
	if err != nil {
		return 0, err
	}
	dropped, err := parseDigits(text, "0"+digits[keep:])
	if err != nil {
		return 0, err
	}
	if dropped > 0 {
		sats++
	}
	return sats, nil
}

func parseDigits(text, digits string) (uint64, error) {
	sats, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is no amount in bitcoin", text)
	}
	return sats, nil
}
