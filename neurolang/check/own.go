package check

import "tensoros/neurolang/hir"

func (c *checker) ownFn(f *hir.Fn) {}
