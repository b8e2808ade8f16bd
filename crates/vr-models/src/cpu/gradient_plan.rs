//! The backward pass of a [`Plan`], with memory for gradients laid out by their lifetimes.

use std::ops::Range;

use super::back::{Back, GradRegion, Target};
use super::plan::{Plan, Region, Step, View};
use super::segments::{MOST_PARTS, Segments};

/// A compiled backward pass.
#[derive(Debug, Default)]
pub struct GradientPlan {
    /// Elements of every slot in one lane block.
    pub slots: Vec<usize>,
    /// The steps.
    pub steps: Vec<Back>,
    /// The steps cut where the blocks meet.
    pub segments: Segments,
    /// Gradient of the logits.
    pub logits: Option<GradRegion>,
}

impl GradientPlan {
    /// The backward pass of a network.
    pub fn new(plan: &Plan) -> Self {
        let mut compiler = Compiler {
            plan,
            out: Self::default(),
            gradients: vec![Gradient::default(); plan.buffers.len() + plan.prologues.len()],
            users: Vec::new(),
            writers: vec![0; plan.buffers.len()],
        };
        for to in plan.steps.iter().filter_map(Step::to) {
            compiler.writers[to.buffer] += 1;
        }
        compiler.out.logits = Some(compiler.write(Owner::Buffer(plan.logits)).to);
        for index in (0..plan.steps.len()).rev() {
            compiler.step(index);
        }
        compiler.out.segments = Segments::new(plan, &compiler.out.steps, MOST_PARTS);
        compiler.out
    }
}

/// Whose gradient: a place's, or that of a prologue's result.
#[derive(Clone, Copy)]
enum Owner {
    Buffer(Region),
    Prologue(usize),
}

/// The state of one buffer's gradient while the pass is compiled.
#[derive(Clone, Debug, Default)]
struct Gradient {
    slot: Option<usize>,
    written: Vec<Range<usize>>,
}

struct Compiler<'a> {
    plan: &'a Plan,
    out: GradientPlan,
    gradients: Vec<Gradient>,
    /// Gradients that live in each slot; a slot of none is free.
    users: Vec<usize>,
    /// Forward steps still to be undone that write each buffer.
    writers: Vec<usize>,
}

impl Compiler<'_> {
    fn owner(&self, view: View) -> Owner {
        view.prologue.map_or(Owner::Buffer(view.place), Owner::Prologue)
    }

    fn id(&self, owner: Owner) -> usize {
        match owner {
            Owner::Buffer(place) => place.buffer,
            Owner::Prologue(prologue) => self.plan.buffers.len() + prologue,
        }
    }

    fn range(&self, owner: Owner) -> Range<usize> {
        match owner {
            Owner::Buffer(place) => place.range(),
            Owner::Prologue(prologue) => 0..self.plan.prologues[prologue].source.range().len(),
        }
    }

    fn len(&self, owner: Owner) -> usize {
        match owner {
            Owner::Buffer(place) => self.plan.buffers[place.buffer],
            Owner::Prologue(_) => self.range(owner).len(),
        }
    }

    /// A free slot: the smallest that is large enough, or else the largest, grown.
    fn slot(&mut self, len: usize) -> usize {
        let free = (0..self.users.len()).filter(|&slot| self.users[slot] == 0);
        let slot = free.min_by_key(|&slot| {
            let size = self.out.slots[slot];
            (size < len, if size < len { usize::MAX - size } else { size })
        });
        let slot = slot.unwrap_or_else(|| {
            self.users.push(0);
            self.out.slots.push(0);
            self.users.len() - 1
        });
        self.out.slots[slot] = self.out.slots[slot].max(len);
        slot
    }

    /// Memory for the next two steps only.
    fn temporary(&mut self, len: usize) -> GradRegion {
        GradRegion { slot: self.slot(len), start: 0, len }
    }

    fn place(&mut self, owner: Owner) -> GradRegion {
        let (id, range, len) = (self.id(owner), self.range(owner), self.len(owner));
        let slot = match self.gradients[id].slot {
            Some(slot) => slot,
            None => {
                let slot = self.slot(len);
                self.users[slot] += 1;
                self.gradients[id].slot = Some(slot);
                slot
            }
        };
        GradRegion { slot, start: range.start, len: range.len() }
    }

    fn is_written(&self, owner: Owner) -> bool {
        let range = self.range(owner);
        self.gradients[self.id(owner)].written.iter().any(|w| w.start <= range.start && range.end <= w.end)
    }

    /// Where the next contribution to a gradient goes.
    fn write(&mut self, owner: Owner) -> Target {
        let to = self.place(owner);
        let (id, range) = (self.id(owner), self.range(owner));
        let accumulate = self.is_written(owner);
        if !accumulate {
            let mut parts: Vec<Range<usize>> = self.gradients[id].written.clone();
            parts.retain(|w| w.start < range.end && range.start < w.end);
            if !parts.is_empty() {
                self.fill(owner);
                return Target { to, accumulate: true };
            }
            self.mark(id, range);
        }
        Target { to, accumulate }
    }

    fn mark(&mut self, id: usize, range: Range<usize>) {
        let written = &mut self.gradients[id].written;
        written.push(range);
        written.sort_by_key(|r| r.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in written.drain(..) {
            match merged.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        *written = merged;
    }

    /// Zeros wherever nothing was written yet.
    fn fill(&mut self, owner: Owner) {
        let to = self.place(owner);
        let (id, range) = (self.id(owner), self.range(owner));
        let mut at = range.start;
        let written = self.gradients[id].written.clone();
        for gap in written.iter().map(|w| w.start..w.end).chain(std::iter::once(range.end..range.end)) {
            if gap.start > at && at < range.end {
                let end = gap.start.min(range.end);
                self.out.steps.push(Back::Zero(GradRegion { slot: to.slot, start: at, len: end - at }));
            }
            at = at.max(gap.end);
        }
        self.mark(id, range);
    }

    /// The finished gradient of an owner.
    fn read(&mut self, owner: Owner) -> GradRegion {
        if !self.is_written(owner) {
            self.fill(owner);
        }
        self.place(owner)
    }

    fn release(&mut self, id: usize) {
        if let Some(slot) = self.gradients[id].slot.take() {
            self.users[slot] -= 1;
        }
    }

    /// Lets a gradient that is still nowhere stand where another does.
    fn alias(&mut self, owner: Owner, slot: usize) {
        let (id, range) = (self.id(owner), self.range(owner));
        self.users[slot] += 1;
        self.gradients[id].slot = Some(slot);
        self.mark(id, range);
    }

    /// Whether the owner's gradient is its buffer's only one and stands nowhere yet.
    fn is_free(&self, owner: Owner) -> bool {
        self.gradients[self.id(owner)].slot.is_none() && self.range(owner) == (0..self.len(owner))
    }

    fn step(&mut self, index: usize) {
        match self.plan.steps[index].clone() {
            Step::Conv { conv, from, to } => {
                let grad = self.read(Owner::Buffer(to));
                let pictures = from.place.buffer == self.plan.input.buffer && from.prologue.is_none();
                let target = if pictures { None } else { Some(self.write(self.owner(from))) };
                self.out.steps.push(Back::Conv { conv, from, grad, to: target });
            }
            Step::Norm { prologue } => self.norm(prologue),
            Step::Copy { from, to } => {
                let grad = self.read(Owner::Buffer(to));
                self.pass(grad, from);
            }
            Step::Add { from, to } => self.add(index, from, to),
            Step::Pool { max, windows, from, to } => {
                let grad = self.read(Owner::Buffer(to));
                self.overwrite(from, |to| Back::Pool { max, windows, from, grad, to });
            }
            Step::Elu { from, to: value } => {
                let grad = self.read(Owner::Buffer(value));
                self.overwrite(from, |to| Back::Elu { value, grad, to });
            }
            Step::Dropout { mask, from, to } => {
                let grad = self.read(Owner::Buffer(to));
                self.overwrite(from, |to| Back::Dropout { mask, grad, to });
            }
        }
        if let Some(to) = self.plan.steps[index].to() {
            self.writers[to.buffer] -= 1;
            if self.writers[to.buffer] == 0 {
                self.release(to.buffer);
            }
        }
    }

    /// Appends a step that overwrites where it puts the gradient of `from`: where something stands
    /// there already, it writes elsewhere and the result is added.
    fn overwrite(&mut self, from: View, back: impl FnOnce(GradRegion) -> Back) {
        let target = self.write(self.owner(from));
        let to = if target.accumulate { self.temporary(target.to.len) } else { target.to };
        self.out.steps.push(back(to));
        if target.accumulate {
            self.out.steps.push(Back::Pass { grad: to, to: target });
        }
    }

    fn pass(&mut self, grad: GradRegion, from: View) {
        let to = self.write(self.owner(from));
        self.out.steps.push(Back::Pass { grad, to });
    }

    fn norm(&mut self, prologue: usize) {
        let Some(_) = self.gradients[self.id(Owner::Prologue(prologue))].slot else { return };
        let grad = self.read(Owner::Prologue(prologue));
        if self.plan.prologues[prologue].norm.is_some() {
            self.out.steps.push(Back::NormSums { prologue, grad });
        }
        let source = Owner::Buffer(self.plan.prologues[prologue].source);
        let to = if self.is_free(source) {
            self.alias(source, grad.slot);
            Target { to: grad, accumulate: false }
        } else {
            self.write(source)
        };
        self.out.steps.push(Back::Norm { prologue, grad, to });
        self.release(self.id(Owner::Prologue(prologue)));
    }

    /// The sum's gradient is that of both summands, which share its memory where they can. Steps are undone
    /// from right to left:
    ///
    /// ```text
    /// readers of b …  makes a  …  sum = a + b
    /// ```
    ///
    /// Undoing a reader of a summand adds to the summand's gradient. So a shares the sum's memory if nothing
    /// else reads it. Then b shares it too, if whatever else reads b comes before the step that makes a: when
    /// they add to the memory, a's gradient has been used.
    fn add(&mut self, index: usize, from: [View; 2], to: Region) {
        let grad = self.read(Owner::Buffer(to));
        let whole = grad.start == 0 && grad.len == self.plan.buffers[to.buffer];
        // The step that makes a, where a shares.
        let mut shared: Option<usize> = None;
        for (i, view) in from.into_iter().enumerate() {
            let owner = self.owner(view);
            let last_other = self.last_other_reader(view, index);
            let fits = match shared {
                None => i == 0 && last_other.is_none(),
                Some(makes_a) => last_other.is_none_or(|reader| reader < makes_a),
            };
            if whole && view.prologue.is_none() && self.is_free(owner) && fits {
                self.alias(owner, grad.slot);
                let makes = self.plan.steps.iter().position(|step| step.to() == Some(view.place));
                shared = Some(makes.unwrap_or(0));
            } else {
                self.pass(grad, view);
            }
        }
    }

    /// The last step but `index` that reads the view's buffer; undoing it writes the buffer's gradient.
    fn last_other_reader(&self, view: View, index: usize) -> Option<usize> {
        let reads = |other: &View| other.place.buffer == view.place.buffer;
        let found = self.plan.steps.iter().enumerate().filter(|(at, step)| {
            *at != index
                && match step {
                    Step::Conv { from, .. }
                    | Step::Copy { from, .. }
                    | Step::Elu { from, .. }
                    | Step::Dropout { from, .. }
                    | Step::Pool { from, .. } => reads(from),
                    Step::Add { from, .. } => from.iter().any(reads),
                    Step::Norm { prologue } => self.plan.prologues[*prologue].source.buffer == view.place.buffer,
                }
        });
        found.map(|(at, _)| at).max()
    }
}
