declare const unit: unique symbol;

/** A number that carries its unit in the type; made only by the constructors of this folder. */
export type Unit<Name extends string> = number & { readonly [unit]: Name };
