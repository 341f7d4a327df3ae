package nvme

import (
	"slices"

	"tensoros/conformance"
)

// Sections are of the Base Specification 2.0c, of the NVM Command Set Specification 1.0c and of the
// PCIe Transport Specification 1.0c, as hw/spec/nvme cites them; the sentences are ours. The paper
// itself was not at hand: rules come from the facts of the house and from memory [R], so that what
// a device does otherwise is a question to the paper first. QEMU's controller is a second witness
// (TestQtestNVMe).
func base(section, name string, level conformance.Level, text string) conformance.Rule {
	return conformance.Rule{ID: "NVME-" + section + "-" + name, Doc: "NVM Express Base 2.0c",
		Section: section, Level: level, Text: text}
}

func nvm(section, name string, level conformance.Level, text string) conformance.Rule {
	return conformance.Rule{ID: "NVM-" + section + "-" + name,
		Doc: "NVM Express NVM Command Set 1.0c", Section: section, Level: level, Text: text}
}

func pcit(section, name string, level conformance.Level, text string) conformance.Rule {
	return conformance.Rule{ID: "PCIT-" + section + "-" + name,
		Doc: "NVM Express PCIe Transport 1.0c", Section: section, Level: level, Text: text}
}

const must, should, may = conformance.Must, conformance.Should, conformance.May

// Rules are what is checked.
var Rules = slices.Concat(controllerRules, adminRules, ioRules)
