// What the Explorer uses of Preact and htm. A template is not checked, so its elements are of any kind.

export type Ref<T> = { current: T };
export type Update<T> = (next: T | ((before: T) => T)) => void;

export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function render(node: unknown, parent: Element): void;
export function useState<T>(first: T | (() => T)): [T, Update<T>];
export function useEffect(effect: () => void | (() => void), inputs?: readonly unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: readonly unknown[]): void;
export function useRef<T>(first: T): Ref<T>;
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
