package pcie

// Error is a row of the table of errors: its bit in the AER status registers.
type Error struct {
	Name        string
	Bit         uint8
	Correctable bool
	Rule        string // of the finding that its message makes
	Section     string
}

// Errors that a function or a port reports. Bits: pci_regs.h; PCIe 5.0, 7.8.4.2 and 7.8.4.5.
var (
	SurpriseDown      = Error{"Surprise Down", 5, false, "PCIE-3.2.1-SDES", "PCIe 5.0, 3.2.1"}
	PoisonedTLP       = Error{"Poisoned TLP", 12, false, "PCIE-2.7.2-EP", "PCIe 5.0, 2.7.2"}
	CompletionTimeout = Error{"Completion Timeout", 14, false, "PCIE-2.8-CTO", "PCIe 5.0, 2.8"}
	Abort             = Error{"Completer Abort", 15, false, "PCIE-2.3.1-CA", "PCIe 5.0, 2.3.1"}
	Unsupported       = Error{"Unsupported Request", 20, false, "PCIE-2.3.1-UR", "PCIe 5.0, 2.3.1"}
	ACSViolation      = Error{"ACS Violation", 21, false, "PCIE-6.12.1-ACS", "PCIe 5.0, 6.12.1"}

	BadTLP        = Error{"Bad TLP", 6, true, "PCIE-3.6.3-TLP", "PCIe 5.0, 3.6.3.1"}
	BadDLLP       = Error{"Bad DLLP", 7, true, "PCIE-3.6.2-DLLP", "PCIe 5.0, 3.6.2.2"}
	ReplayNum     = Error{"REPLAY_NUM Rollover", 8, true, "PCIE-3.6.2-NUM", "PCIe 5.0, 3.6.2.1"}
	ReplayTimeout = Error{"Replay Timer Timeout", 12, true, "PCIE-3.6.2-TIMER", "PCIe 5.0, 3.6.2.1"}
	Advisory      = Error{"Advisory Non-Fatal", 13, true, "PCIE-6.2.3-ANFE", "PCIe 5.0, 6.2.3.2.4"}
)

// Offsets in the AER capability, and bits of registers that report errors. Source: pci_regs.h.
const (
	AERAt            = 0x100
	AERUncorrectable = 0x04
	AERMask          = 0x08
	AERSeverity      = 0x0c
	AERCorrectable   = 0x10
	AERCorMask       = 0x14
	AERControl       = 0x18 // bits 4:0: first error pointer
	AERHeader        = 0x1c // 4 dwords
	AERRootCommand   = 0x2c
	AERRootStatus    = 0x30
	AERRootSource    = 0x34
	AERLen           = 0x48

	RootCorrectable = 1 << 0 // in Root Error Status
	RootFatal       = 1 << 2 // fatal or non-fatal received
	RootNonFatalMsg = 1 << 5
	RootFatalMsg    = 1 << 6

	DevStaCorrectable = 1 << 0
	DevStaNonFatal    = 1 << 1
	DevStaFatal       = 1 << 2
	DevStaUnsupported = 1 << 3

	StatusMasterParity  = 1 << 8
	StatusSignaledAbort = 1 << 11
	StatusTargetAbort   = 1 << 12
	StatusMasterAbort   = 1 << 13
	StatusSignaledError = 1 << 14
	StatusParity        = 1 << 15
)
