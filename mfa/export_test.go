package mfa

// Sign makes a token of any content, and Reseal one of what that token says.
func (f *SecondFactor) Sign(content []byte) string {
	return encoding.EncodeToString(append(content[:len(content):len(content)], f.keys[0](content)...))
}

func (f *SecondFactor) Reseal(text string) (again string, opened bool) {
	t, opened := open(f.keys, text)
	if opened {
		again, _ = f.keys[0].seal(t)
	}
	return again, opened
}
