package onion

import "testing"

func TestBOLT4FailureCodeNames(t *testing.T) {
	for code, want := range map[FailureCode]string{
		UnknownNextPeer:                  "unknown_next_peer",
		IncorrectOrUnknownPaymentDetails: "incorrect_or_unknown_payment_details",
		Perm | 16:                        "failure_code 0x4010", // no longer defined
	} {
		if got := code.BOLTName(); got != want {
			t.Errorf("%#04x is called %s, want %s", uint16(code), got, want)
		}
	}
	if len(codes) != 22 {
		t.Errorf("%d codes have a name, want 22", len(codes))
	}
}
