package wir

// String is the text form.
func (f *Func) String() string { return f.PTX() }
