package mfa

// Sign makes a token of any content, and Reseal one of what that token says.
func (f *SecondFactor) Sign(content []byte) string {
	return encoding.EncodeToString(append(content[:len(content):len(content)], f.keys[0](content)...))
}

func (f *SecondFactor) Reseal(text string) (again string, ok bool) {
	t, ok := open(f.keys, text)
	if !ok {
		return "", false
	}
	again, err := f.keys[0].seal(t)
	return again, err == nil
}
