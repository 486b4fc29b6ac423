package features

import "testing"

func TestForced(t *testing.T) {
	ours := New(DataLossProtect, Anchors.Optional())
	for _, test := range []struct {
		values []string
		in     Context
		want   Vector
	}{
		{nil, Init, ours},
		{[]string{"1,9/13/51//17"}, Init, New(1, 9, 13)},
		{[]string{"1,9/13/51//17"}, NodeAnnouncement, New(51)},
		{[]string{"1,9/13/51//17"}, ChannelAnnouncement, nil},
		{[]string{"1,9/13/51//17"}, Invoice, New(17)},
		{[]string{"1"}, Invoice, ours}, // places that are not named stay
		{[]string{"////5/1/2/3/4/"}, Invoice, New(5)},
		{[]string{"-0", "+99"}, Init, New(Anchors.Optional(), 99)},
		{[]string{"+99"}, Invoice, ours},
		{[]string{"+17"}, Invoice, New(DataLossProtect, Anchors.Optional(), BasicMPP.Optional())},
		{[]string{"1", "+3"}, Init, New(1, 3)},
	} {
		var f Forced
		for _, text := range test.values {
			if err := f.Parse(text); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if got := f.Apply(test.in, ours); !got.Equal(test.want) {
			t.Errorf("%q in %d: %x, want %x", test.values, test.in, got, test.want)
		}
	}
	for _, text := range []string{"", "+", "-x", "1,2,a", "65536", "+-1", "1//70000"} {
		if err := new(Forced).Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
