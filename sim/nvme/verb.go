package nvme

import spec "tensoros/hw/spec/nvme"

// verb is what the controller does with an opcode. The rest of the row - name, NSID, effects - is
// the paper's (spec.AdminOpcodes, spec.NVMOpcodes).
type verb struct {
	row    *spec.OpcodeRow
	dir    spec.Transfer
	medium bool // the data is the namespace's
	// size checks the entry and says how many bytes go over the link; nil: none.
	size func(*Controller, *command) (int, spec.Status)
	// run does the command: for data to the device when it is here, for data to the host before
	// it goes. It returns held to complete the command itself.
	run func(*Controller, *command) spec.Status
}

type sizeFunc = func(*Controller, *command) (int, spec.Status)

// page is the size rule of commands that move one structure.
func page(*Controller, *command) (int, spec.Status) { return spec.IdentifyLen, spec.Success }

// sized is a size rule that only checks.
func sized(check func(*Controller, *command) spec.Status) sizeFunc {
	return func(c *Controller, cmd *command) (int, spec.Status) { return 0, check(c, cmd) }
}

// The tables are made at start, as their rows reach back to them.
var adminVerbs, ioVerbs [256]*verb

func init() {
	fill(&adminVerbs, true, map[uint8]verb{
		spec.DeleteSQ:         {run: (*Controller).deleteSQ},
		spec.CreateSQ:         {run: (*Controller).createSQ},
		spec.GetLogPage:       {size: (*Controller).logSize, run: (*Controller).logPage},
		spec.DeleteCQ:         {run: (*Controller).deleteCQ},
		spec.CreateCQ:         {run: (*Controller).createCQ},
		spec.Identify:         {size: page, run: (*Controller).identify},
		spec.Abort:            {size: sized((*Controller).countAbort), run: (*Controller).abort},
		spec.SetFeatures:      {size: (*Controller).setSize, run: (*Controller).setFeature},
		spec.GetFeatures:      {size: (*Controller).getSize, run: (*Controller).getFeature},
		spec.AsyncEvent:       {run: (*Controller).awaitEvent},
		spec.NamespaceManage:  {size: (*Controller).manageSize, run: (*Controller).manage},
		spec.FirmwareCommit:   {run: (*Controller).commitFirmware},
		spec.FirmwareDownload: {size: (*Controller).imageSize, run: (*Controller).downloadFirmware},
		spec.SelfTest:         {run: (*Controller).startTest},
		spec.NamespaceAttach:  {size: page, run: (*Controller).attach},
		spec.KeepAlive:        {run: (*Controller).heard},
		spec.DoorbellBuffer:   {run: (*Controller).doorbellBuffer},
		spec.FormatNVM:        {run: (*Controller).format},
		spec.Sanitize:         {run: (*Controller).startSanitize},
	})
	read, write := (*Controller).read, (*Controller).wrote
	fill(&ioVerbs, false, map[uint8]verb{
		spec.Flush:              {run: (*Controller).flushCache},
		spec.Write:              {size: (*Controller).blocks, run: write, medium: true},
		spec.Read:               {size: (*Controller).blocks, run: read, medium: true},
		spec.WriteUncorrectable: {size: sized((*Controller).extent), run: (*Controller).spoil},
		spec.Compare:            {size: (*Controller).blocks, run: (*Controller).compare},
		spec.WriteZeroes:        {size: sized((*Controller).extent), run: (*Controller).zero},
		spec.DSM:                {size: (*Controller).rangesSize, run: (*Controller).advise},
		spec.Verify:             {size: sized((*Controller).extent), run: (*Controller).verify},
		spec.ReserveRegister:    {size: keys(16), run: (*Controller).reserveRegister},
		spec.ReserveReport:      {size: (*Controller).reportSize, run: (*Controller).reserveReport},
		spec.ReserveAcquire:     {size: keys(16), run: (*Controller).reserveAcquire},
		spec.ReserveRelease:     {size: keys(8), run: (*Controller).reserveRelease},
		spec.Copy:               {size: (*Controller).copySize, run: (*Controller).copy},
	})
}

// fill joins the paper's rows with what is done about them.
func fill(to *[256]*verb, admin bool, verbs map[uint8]verb) {
	rows := spec.NVMOpcodes
	if admin {
		rows = spec.AdminOpcodes
	}
	for i := range rows {
		v, ok := verbs[rows[i].Opcode]
		if !ok {
			panic("nvme: no verb for " + rows[i].Name)
		}
		v.row, v.dir = &rows[i], spec.Direction(rows[i].Opcode)
		to[rows[i].Opcode] = &v
	}
}
