import type { ComponentChildren } from "preact";
import { formatUsd, type Quantity } from "./format.ts";

/** A number with its unit set smaller; a no-break space keeps the two together. */
export const Value = ({ of }: { readonly of: Quantity }) => (
  <span class="value">
    {of.text}
    <span class="unit">
      {"\u00a0"}
      {of.unit}
    </span>
  </span>
);

/** Dollars on one line: a minus at the end of a line would make a loss look like a gain. */
export const Money = ({ usd }: { readonly usd: number | null }) => <span class="value">{formatUsd(usd)}</span>;

interface MetricProps {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly note?: ComponentChildren;
}

/** One term and its value in a description list. */
export const Metric = ({ label, children, note }: MetricProps) => (
  <div class="metric">
    <dt>{label}</dt>
    <dd>
      <span class="metric-value">{children}</span>
      {note !== undefined && note !== "" && <span class="note">{note}</span>}
    </dd>
  </div>
);
