use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::adapt::Error;
use crate::adapt::worker::requests::{Pending, Reply, Requests};

fn begin(requests: &Arc<Requests>) -> (Pending<u8>, Reply<u8>, u64) {
    let mut sent = None;
    let call = requests.cancellable(|generation, reply| sent = Some((reply, generation)));
    let (reply, generation) = sent.unwrap();
    (call.unwrap(), reply, generation)
}

/// Waits on a thread of its own, so that a call that never ends fails the test.
fn wait(call: Pending<u8>) -> Result<u8, Error> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(call.wait())));
    receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("the call hangs")
}

#[test]
fn an_answer_arrives_before_and_after_it_is_waited_for() {
    let requests = Arc::<Requests>::default();
    let (call, reply, _) = begin(&requests);
    reply.answer(Ok(1));
    assert_eq!(wait(call).unwrap(), 1);

    let (call, reply, _) = begin(&requests);
    let waiter = thread::spawn(move || call.wait());
    thread::sleep(Duration::from_millis(20));
    reply.answer(Ok(2));
    assert_eq!(waiter.join().unwrap().unwrap(), 2);
}

#[test]
fn cancelling_ends_calls_and_leaves_lasting_ones() {
    let requests = Arc::<Requests>::default();
    let (waiting, reply, generation) = begin(&requests);
    let (answered, its_reply, _) = begin(&requests);
    its_reply.answer(Ok(1));
    let mut sent = None;
    let lasting = requests.lasting(|reply| sent = Some(reply)).unwrap();
    let waiter = thread::spawn(move || wait(waiting));
    thread::sleep(Duration::from_millis(20));

    requests.cancel();
    assert!(matches!(waiter.join().unwrap(), Err(Error::Cancelled)));
    assert!(matches!(wait(answered), Err(Error::Cancelled)));
    assert!(!requests.is_current(generation));
    reply.answer(Ok(2));
    let refused = requests.cancellable(|_, _: Reply<u8>| panic!("was queued"));
    assert!(matches!(refused, Err(Error::Cancelled)));
    sent.unwrap().answer(Ok(3));
    assert_eq!(wait(lasting).unwrap(), 3);
}

#[test]
fn only_the_last_cancelling_is_cleared() {
    let requests = Arc::<Requests>::default();
    let mut orders = vec![];
    requests.resume(|_| panic!("nothing was cancelled"));
    for _ in 0..2 {
        requests.cancel();
        requests.resume(|generation| orders.push(generation));
        requests.resume(|_| panic!("resumed twice"));
    }
    let [early, late] = orders[..] else {
        panic!("{orders:?}")
    };
    assert!(
        requests.canceller().is_cancelled(),
        "the worker has to do it"
    );
    requests.clear(early);
    assert!(requests.canceller().is_cancelled());
    requests.clear(late);
    assert!(!requests.canceller().is_cancelled());
}

#[test]
fn a_panic_of_the_worker_ends_what_waits() {
    let requests = Arc::<Requests>::default();
    let (call, reply, _) = begin(&requests);
    let waiter = thread::spawn(move || wait(call));
    let worker = thread::spawn({
        let requests = requests.clone();
        move || {
            requests.supervise(|| {
                let _held = reply;
                panic!("out of {}", "luck");
            });
        }
    });
    let error = waiter.join().unwrap().unwrap_err();
    assert!(matches!(&error, Error::Worker(why) if why.contains("out of luck")));
    worker.join().unwrap();
    assert!(requests.wait_for_end(Duration::ZERO));
    assert!(matches!(requests.check_alive(), Err(Error::Worker(_))));
    let refused = requests.lasting(|_: Reply<u8>| panic!("was queued"));
    assert!(matches!(refused, Err(Error::Worker(_))));
}

#[test]
fn a_call_that_is_given_up_leaves_nothing_behind() {
    let requests = Arc::<Requests>::default();
    let (call, reply, _) = begin(&requests);
    drop(call);
    reply.answer(Ok(1));
    assert_eq!(Arc::strong_count(&requests), 1);
    assert!(!requests.wait_for_end(Duration::ZERO));
}
