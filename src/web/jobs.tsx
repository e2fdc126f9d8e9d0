import type { JobView } from "../api/shapes.ts";
import { formatDuration, formatMoment, formatRunning, formatUsdNano, toEnergy, UNKNOWN } from "./format.ts";
import { toJobTone, toKindLabel, toLength, toOutcome, toTrust, toWork, toWorkload } from "./rows.ts";
import { Value } from "./value.tsx";

function Row({ job, now }: { readonly job: JobView; readonly now: number }) {
  const isRunning = job.endedMs === null;
  const length = toLength(job, now);
  const outcome = toOutcome(job);
  return (
    <tr data-running={isRunning || undefined}>
      <th scope="row">
        <span class="cell-main">
          <span class="swatch" data-tone={toJobTone(job.kind)} aria-hidden="true" />
          <span>
            {toKindLabel(job.kind)}
            {isRunning && <span class="tag live">running</span>}
            {outcome && <span class={outcome.isBad ? "tag bad" : "tag"}>{outcome.text}</span>}
          </span>
        </span>
        <span class="note">{toWorkload(job)}</span>
      </th>
      <td data-label="Started">
        <time dateTime={new Date(job.startedMs).toISOString()}>{formatMoment(job.startedMs, now)}</time>
        <span class="note">{isRunning ? formatRunning(length) : formatDuration(length)}</span>
      </td>
      <td data-label="Work">{toWork(job)}</td>
      <td data-label="Energy">
        {job.energyMj === null || job.energyQuality === null ? UNKNOWN : <Value of={toEnergy(job.energyMj)} />}
        <span class="note">{toTrust(job)}</span>
      </td>
      <td data-label="Revenue">
        <span class="value">{formatUsdNano(job.revenueUsdNano)}</span>
        <span class="note">{job.revenueBasis ?? ""}</span>
      </td>
      <td data-label="Electricity">
        <span class="value">{formatUsdNano(job.electricityUsdNano)}</span>
      </td>
    </tr>
  );
}

/** The newest jobs: what they did, and the joules and money they took and brought. */
export function Jobs({ jobs, now }: { readonly jobs: readonly JobView[]; readonly now: number }) {
  return (
    <section class="card" aria-labelledby="jobs-title">
      <h2 id="jobs-title">Last jobs</h2>
      {jobs.length === 0 ? (
        <p class="note empty">None yet.</p>
      ) : (
        <table class="stacked jobs" data-numbers>
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">Started</th>
              <th scope="col">Work</th>
              <th scope="col">Energy</th>
              <th scope="col">Revenue</th>
              <th scope="col">Electricity</th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <Row key={job.jobId} job={job} now={now} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
