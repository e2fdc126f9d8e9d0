import type { RigView, ValuationView } from "../api/shapes.ts";
import { formatUsd } from "./format.ts";
import { groupValuations, isCrowded, type ValuationGroup } from "./rows.ts";
import { toWorkloadLabel } from "./tone.ts";
import { Money } from "./value.tsx";

const toSubtitle = ({ workload, label, rate }: ValuationView): string =>
  [toWorkloadLabel(workload), rate].filter((part) => !/^[–—-]?$/.test(part) && part !== label).join(" · ");

function Row({ row }: { readonly row: ValuationView }) {
  return (
    <tr data-chosen={row.chosen || undefined}>
      <th scope="row">
        <span class="cell-main">
          <span class="swatch" data-tone={row.workload} aria-hidden="true" />
          <span>
            {row.label}
            {row.chosen && <span class="tag">now</span>}
          </span>
        </span>
        <span class="note" title={row.why}>
          {toSubtitle(row)}
        </span>
      </th>
      <td data-label="Revenue / h">
        <Money usd={row.revenueUsdPerHour} />
      </td>
      <td data-label="Electricity / h">
        <Money usd={row.electricityUsdPerHour} />
      </td>
      <td data-label="Net / h" class="strong">
        <Money usd={row.netUsdPerHour} />
        <span class="note">
          <Money usd={row.netUsdPerDay} /> / day
        </span>
      </td>
      <td data-label="Break-even">
        <Money usd={row.breakEvenUsdPerKwh} />
      </td>
    </tr>
  );
}

function Group({ group, isTitled }: { readonly group: ValuationGroup; readonly isTitled: boolean }) {
  return (
    <tbody>
      {isTitled && (
        <tr class="group">
          <th scope="rowgroup" colSpan={5}>
            {group.title}
            {group.hidden > 0 && <span class="note"> and {group.hidden} that pay less</span>}
          </th>
        </tr>
      )}
      {group.rows.map((row) => (
        <Row key={`${row.workload} ${row.label}`} row={row} />
      ))}
    </tbody>
  );
}

interface ValuationsProps {
  readonly valuations: readonly ValuationView[];
  readonly rig: RigView;
}

/** What each workload would pay on each GPU, after electricity. */
export function Valuations({ valuations, rig }: ValuationsProps) {
  const groups = groupValuations(valuations, rig.gpus);
  return (
    <section class="card" aria-labelledby="valuations-title">
      <h2 id="valuations-title">
        What would pay{" "}
        <span class="note">
          at {formatUsd(rig.electricityUsdPerKwh)} per kWh{rig.market.invented ? ", invented prices" : ""}
        </span>
      </h2>
      {groups.length === 0 ? (
        <p class="note empty">No valuation yet: a benchmark and a price are needed first.</p>
      ) : (
        <table class="stacked pay" data-numbers data-crowded={isCrowded(rig) || undefined}>
          <thead>
            <tr>
              <th scope="col">Workload</th>
              <th scope="col">Revenue / h</th>
              <th scope="col">Electricity / h</th>
              <th scope="col">Net / h</th>
              <th scope="col">Break-even / kWh</th>
            </tr>
          </thead>
          {groups.map((group) => (
            <Group key={group.gpu} group={group} isTitled={groups.length > 1} />
          ))}
        </table>
      )}
    </section>
  );
}
