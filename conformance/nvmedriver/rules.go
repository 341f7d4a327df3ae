package nvmedriver

import "tensoros/conformance"

// base makes a rule of the Base Specification 2.0c.
func base(section, name string, level conformance.Level, text string) conformance.Rule {
	return conformance.Rule{ID: "HOST-" + section + "-" + name, Doc: "NVM Express Base 2.0c",
		Section: section, Level: level, Text: text}
}

const must, should = conformance.Must, conformance.Should

// Rules are what a driver is watched for.
var Rules = conformance.Rules{
	{ID: "HOST-PCIE-BME", Doc: "PCI Express Base 5.0", Section: "7.5.1.1.3", Level: must,
		Text: "A driver turns bus mastering on before it enables the controller."},
	{ID: "HOST-PCIE-MSIX-MASKS", Doc: "NVM Express PCIe Transport 1.0c", Section: "3.1.3",
		Level: must, Text: "INTMS and INTMC are not written while MSI-X is enabled."},
	base("3.1.3", "WIDTH", must,
		"Registers are accessed by 4 or 8 aligned bytes, 8 only where a register has 64 bits."),
	base("3.1.3", "READONLY", should, "Read-only registers are not written."),
	base("3.1.3.5", "CC-HELD", must,
		"I/O entry sizes aside, no field of CC but SHN and EN changes while the controller is enabled."),
	base("3.1.3.5", "CC-SIZES", must,
		"IOSQES and IOCQES are set to what Identify Controller allows before I/O queues are created."),
	base("3.1.3.8", "AQA-EARLY", must,
		"AQA, ASQ and ACQ are written while the controller is disabled."),
	base("3.1.3.8", "AQA-SET", must,
		"AQA, ASQ and ACQ are set, on pages, when the controller is enabled."),
	base("3.5.1", "READY", must, "No doorbell is rung before CSTS.RDY was read as one."),
	base("3.5.1", "DISABLED", must,
		"CC.EN is set again only after CSTS.RDY was read as zero."),
	base("3.6", "QUIET", must, "No I/O command is submitted once CC.SHN has asked for a shutdown."),
	base("3.3.1.2", "DB-WIDTH", must, "Doorbells are written as 4 bytes, and not read."),
	base("3.3.1.2", "DB-QUEUE", must, "A doorbell belongs to a queue that exists."),
	base("3.3.1.2", "DB-RANGE", must, "A doorbell's value is below the size of its queue."),
	base("3.3.1.2", "SQ-FULL", must,
		"A tail never overtakes the head that the controller has told: a full queue stays full."),
	base("3.3.1.2", "CQ-HEAD", must, "A head doorbell takes back only entries that were posted."),
	base("3.3.1.2", "DB-NEW", should, "A doorbell is rung with a value that differs from the last."),
	base("3.3.3.1", "CID", must,
		"The identifier of a command is not that of another outstanding command of its queue."),
	base("3.3.3.1", "CID-FFFF", should, "The command identifier FFFFh is not used."),
	base("3.3.3.1", "RESERVED", must, "Reserved bits of command double words 0 and 2 are zero."),
	base("3.3.3.1", "PSDT", must, "Admin commands over PCI Express use PRPs."),
	base("3.3.3.1", "OPCODE", should, "Opcodes are those that the standard names, or vendors' own."),
	base("4.1.1", "PRP1", must, "PRP1 is aligned to a double word."),
	base("4.1.1", "PRP2", must,
		"PRP2 starts a page if it is the second page of data, and is aligned to 8 bytes if it "+
			"points to a list."),
	base("5.4", "CQ-ID", must,
		"A completion queue is created with an identifier that is granted, not 0 and not in use."),
	base("5.4", "CQ-VECTOR", must, "The interrupt vector of a completion queue is in the table."),
	base("5.5", "SQ-ID", must,
		"A submission queue is created with an identifier that is granted, not 0 and not in use."),
	base("5.5", "SQ-CQ", must, "A submission queue is created for a completion queue that exists."),
	base("5.4", "SIZE", must, "A queue has from 2 entries to what CAP.MQES allows."),
	base("5.4", "CONTIGUOUS", must,
		"Queues are physically contiguous, on a page, where CAP.CQR asks for it."),
	base("5.6", "ORDER", must, "A completion queue is deleted after its submission queues."),
	base("5.7", "EXISTS", must, "Queues that are deleted exist."),
	base("5.27.1.5", "QUEUES-EARLY", must,
		"Number of Queues is set before the first I/O queue is created, and not after."),
	base("5.1", "ABORTS", must, "No more Abort commands are outstanding than ACL allows."),
	base("5.2", "AERS", must,
		"No more Asynchronous Event Requests are outstanding than AERL allows."),
	base("5.17", "IDENTIFY", should, "The controller is identified before I/O queues are created."),
	base("5.17.2.1", "MDTS", must, "No command moves more than MDTS allows."),
	{ID: "HOST-NVM-3.2-NSID", Doc: "NVM Express NVM 1.0c", Section: "3.2", Level: must,
		Text: "Read and Write name a namespace, not 0 and not all of them."},
	{ID: "HOST-NVM-3.2-RANGE", Doc: "NVM Express NVM 1.0c", Section: "3.2", Level: must,
		Text: "Read and Write stay within the namespace, once it has been identified."},
}
