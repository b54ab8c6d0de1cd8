/** What a place in a route table says, in some version of the table. */
export interface PlacedConfig<Config> {
  readonly place: string;
  /** The same for the same content. */
  readonly version: string;
  readonly config: Config;
}

/** More places than a table may have routes are those of tables that are no longer there. */
const maxPlaces = 20_000;

/**
 * State that belongs to a place in the routes, made when it is first asked for. It outlives a push of the table as long
 * as the place says the same.
 */
export class StateByPlace<Config, State> {
  readonly #create: (config: Config) => State;
  /** So that a request that has the place's object at hand need not compare texts. */
  readonly #byObject = new WeakMap<object, State>();
  readonly #byPlace = new Map<string, { version: string; state: State }>();

  constructor(create: (config: Config) => State) {
    this.#create = create;
  }

  of(placed: PlacedConfig<Config>): State {
    const known = this.#byObject.get(placed);
    if (known !== undefined) return known;
    const { place, version, config } = placed;
    const before = this.#byPlace.get(place);
    const state = before?.version === version ? before.state : this.#create(config);
    this.#byPlace.delete(place);
    this.#byPlace.set(place, { version, state });
    if (this.#byPlace.size > maxPlaces) {
      for (const oldest of this.#byPlace.keys()) {
        this.#byPlace.delete(oldest);
        break;
      }
    }
    this.#byObject.set(placed, state);
    return state;
  }
}
